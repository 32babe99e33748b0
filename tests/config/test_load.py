"""From file, environment, secret files and credentials to settings; every message names its place."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest

from emoedge.config import Settings, default_paths, load_settings, with_changes
from emoedge.errors import ConfigError

SECRET = "correct horse battery"


def write(folder: Path, text: str) -> Path:
    path = folder / "emoedge.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str = "", environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(folder, text), environ or {})
    assert caught.value.exit_code == 2
    assert caught.value.remedy
    return caught.value.message


def test_without_a_file_every_key_has_a_default(tmp_path: Path) -> None:
    settings = load_settings(environ={"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)})
    assert settings == Settings()
    assert settings.fusion.face_weight == 0.6
    assert settings.fusion.margin == 0.2
    assert settings.publish.transcript is False
    assert settings.topic_base == f"emoedge/{settings.device_id}"


def test_places(tmp_path: Path) -> None:
    assert default_paths({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}) == (
        Path("/etc/emoedge/emoedge.toml"),
        Path("/x/emoedge/emoedge.toml"),
    )
    assert default_paths({"HOME": "/h"})[1] == Path("/h/.config/emoedge/emoedge.toml")
    (tmp_path / "emoedge").mkdir()
    write(tmp_path / "emoedge", 'device_id = "from-home"')
    assert load_settings(environ={"XDG_CONFIG_HOME": str(tmp_path)}).device_id == "from-home"


def test_a_place_that_is_closed_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As /etc/emoedge is to those who are not in the group; it used to be a traceback."""
    folder = tmp_path / "emoedge"
    folder.mkdir()
    write(folder, 'device_id = "closed"')
    stat = Path.stat

    def refusing(path: Path, **options: bool) -> os.stat_result:
        if path.parent == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refusing)
    with pytest.raises(ConfigError, match="closed to this user") as caught:
        load_settings(environ={"XDG_CONFIG_HOME": str(tmp_path)})
    assert "usermod" in caught.value.remedy


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "[mqtt]\nport = 1\n[camera]\nwidth = 320\n")
    environ = {
        "EMOEDGE_MQTT__PORT": "8883",
        "EMOEDGE_MQTT__TLS": "true",
        "EMOEDGE_FUSION__FACE_WEIGHT": "0.25",
        "EMOEDGE_DEVICE_ID": "hall",
        "EMOEDGE_RECORDING__DIR": str(tmp_path),
        "EMOEDGE_SHARED": "/not/a/setting",
        "PATH": "/bin",
    }
    settings = load_settings(path, environ)
    assert (settings.mqtt.port, settings.mqtt.tls, settings.camera.width) == (8883, True, 320)
    assert (settings.fusion.face_weight, settings.device_id) == (0.25, "hall")
    assert settings.recording.dir == tmp_path


def test_every_key_can_be_set_by_the_environment() -> None:
    values = Settings().model_dump(mode="json")
    environ = {}
    for section, content in values.items():
        for key, value in content.items() if isinstance(content, dict) else [("", content)]:
            name = f"EMOEDGE_{section}__{key}".rstrip("_").upper()
            environ[name] = "something" if value is None else str(value)
    environ |= {
        "EMOEDGE_CAMERA__SOURCE": "https://cam",
        "EMOEDGE_CAMERA__TLS_FINGERPRINT": "a" * 64,
        "EMOEDGE_WEB__PASSWORD": "something long",
        "EMOEDGE_METRICS__TEXTFILE": "something.prom",
        "EMOEDGE_GPIO__PRIVACY_BUTTON": "17",
        "EMOEDGE_GPIO__LED": "27",
    }
    settings = load_settings(Path("/dev/null"), environ)
    assert settings.mqtt.username == "something"
    assert settings.mqtt.ca_file == Path("something")
    changed = settings.model_dump(mode="json")
    assert changed["camera"].pop("source") == "https://cam"
    values["camera"].pop("source")
    for section in (section for section in values if isinstance(values[section], dict)):
        for key in [key for key, value in values[section].items() if value is None]:
            assert changed[section].pop(key), key
            values[section].pop(key)
    assert changed == values


# Secrets: from files and credentials, and never shown.


def test_a_password_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f" {SECRET} \n")
    environ = {
        "EMOEDGE_MQTT__PASSWORD_FILE": str(tmp_path / "password"),
        "EMOEDGE_MQTT__USERNAME": "me",
    }
    password = load_settings(write(tmp_path, ""), environ).mqtt.password
    assert password is not None
    assert password.get_secret_value() == f" {SECRET} ", "only the newline at the end is no part of it"


def test_a_password_from_a_systemd_credential(tmp_path: Path) -> None:
    (tmp_path / "mqtt_password").write_text(SECRET)
    (tmp_path / "mqtt_username").write_text("somebody\n")
    path = write(tmp_path, "[mqtt]\npassword = 'another'\n")
    mqtt = load_settings(path, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).mqtt
    assert mqtt.password is not None
    assert mqtt.password.get_secret_value() == SECRET
    assert mqtt.username == "somebody"


@pytest.mark.parametrize("place", ["missing", "."])
def test_a_secret_file_that_cannot_be_read(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, ""), {"EMOEDGE_MQTT__PASSWORD_FILE": place})
    assert "EMOEDGE_MQTT__PASSWORD_FILE" in caught.value.remedy


def test_only_secrets_have_a_file_form(tmp_path: Path) -> None:
    assert "unknown key" in refusal(tmp_path, environ={"EMOEDGE_MQTT__HOST_FILE": "/etc/hostname"})


def test_secrets_are_never_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "".join(f"[{section}]\nusername = 'me'\npassword = '{SECRET}'\n" for section in ("mqtt", "camera"))
    settings = load_settings(write(tmp_path, text), {})
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("emoedge").info("settings %s %r", settings, settings.mqtt)
    shown = [
        str(settings),
        repr(settings),
        settings.model_dump_json(),
        json.dumps(settings.model_dump(mode="json")),
        str(settings.model_dump()),
        str(settings.mqtt),
        caplog.text,
    ]
    assert not [text for text in shown if SECRET in text]


@pytest.mark.parametrize(
    "text",
    [
        f"[mqtt]\npassword = ['{SECRET}']\n",
        f"[mqtt]\npassword = {{a = '{SECRET}'}}\n",
        f"[mqtt]\nusername = ['{SECRET}']\n",
        f"[camera]\npassword = '{SECRET}'\n",
        f"[camera]\nusername = 'me'\npassword = ['{SECRET}']\n",
        f"[camera]\nsource = '{SECRET}'\n",
        f"[camera]\nsource = 'rtsp://me:{SECRET}'\n",
        f"[camera]\nsource = 'rtsp://me:{SECRET}@'\n",
        f"[camera]\nsource = 'rtmp://me:{SECRET}@cam'\n",
        f"[camera]\nsource = 'rtsp://me:\u200b{SECRET}@cam/1'\n",
        f"[camera]\nsource = 'rtsp://me:x@cam:{SECRET}/1'\n",
        f'[camera]\nsource = "gst:rtspsrc user-pw=\'{SECRET}"\n',
        f"[microphone]\nsource = 'http://me:{SECRET}@cam'\n",
        f"[mqtt]\nhost = 'me:{SECRET}@broker'\n",
        f"[mqtt]\nbase = '{SECRET}'\n",
        f"device_id = '{SECRET}'\n",
        f"[recording]\ndir = ['{SECRET}']\n",
        f"[speech]\nengine = '{SECRET}'\n",
        f'[mqtt]\npassword = "{SECRET}\\u0000"\n',
        f"mqtt = '{SECRET}'\n",
        f"mqtt = ['{SECRET}']\n",
        f"[mqtt]\npasswd = '{SECRET}'\n",
        f"[mqtt]\npassword = '{SECRET}'\npassword = '{SECRET}'\n",
        f"[mqtt]\npassword = '{SECRET}\n",
        f"[mqtt]\npassword = {SECRET}\n",
    ],
)
def test_secrets_are_not_in_messages(tmp_path: Path, text: str) -> None:
    message = refusal(tmp_path, text)
    assert not [word for word in SECRET.split() if word in message]


@pytest.mark.parametrize(
    "name", ["MQTT__PORT", "MQTT__HOST", "MQTT__TLS", "CAMERA__FPS", "CAMERA__ROTATE", "FACE"]
)
def test_a_secret_in_the_wrong_place_is_not_in_the_message(tmp_path: Path, name: str) -> None:
    message = refusal(tmp_path, environ={f"EMOEDGE_{name}": f"mqtt://me:{SECRET}@broker/"})
    assert not [word for word in SECRET.split() if word in message]


@pytest.mark.parametrize("key", ["mqtt.host", "mqtt.username", "mqtt.client_id", "camera.source", "mqtt"])
def test_a_number_is_not_shown_where_text_belongs(tmp_path: Path, key: str) -> None:
    assert "48231" not in refusal(tmp_path, f"{key} = 48231\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('device_id = "verde\\b0sque"\n', "BACKSPACE (U+0008) at position 6"),
        ("device_id = 'verde\u200bbosque'\n", "ZERO WIDTH SPACE (U+200B) at position 6"),
        ("device_id = 'a\ufeffb'\n", "ZERO WIDTH NO-BREAK SPACE (U+FEFF)"),
        ("[mqtt]\nhost = 'broker\u00a0'\n", "NO-BREAK SPACE (U+00A0) at position 7"),
        ("[mqtt]\nhost = 'bro\u00adker'\n", "SOFT HYPHEN"),
        ('[mqtt]\nhost = "broker\\r"\n', "CARRIAGE RETURN (U+000D) at position 7"),
        ("[mqtt]\nbase = 'a\u202eb'\n", "RIGHT-TO-LEFT OVERRIDE"),
        ("[mqtt]\nclient_id = 'a\u2060b'\n", "WORD JOINER"),
        ("[mqtt]\ndiscovery_prefix = 'a\u3164b'\n", "HANGUL FILLER"),
        ("[mqtt]\nca_file = '/etc/ca\u200d.crt'\n", "ZERO WIDTH JOINER"),
        ('[paths]\nstate = "/var/\\u001bx"\n', "ESCAPE (U+001B)"),
        ("[paths]\nmodels = '/var/x '\n", "must not begin or end with a space"),
        ("[speech]\nmodel = 'vosk\u2028es'\n", "LINE SEPARATOR"),
        ("[camera]\nsource = 'rtsp://cam\u200b/1'\n", "ZERO WIDTH SPACE (U+200B) at position 11"),
        ("[camera]\nsource = 'gst:a\u00a0! b'\n", "NO-BREAK SPACE"),
        ("[microphone]\nsource = 'Mic\u00a0A'\n", "NO-BREAK SPACE"),
        ('[mqtt]\nusername = "a"\npassword = "ab\\bcd"\n', "single quotes"),
        ('[camera]\nusername = "a\\tb"\n', "single quotes"),
    ],
)
def test_characters_that_are_not_seen_are_named(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text)


def test_what_is_seen_is_taken(tmp_path: Path) -> None:
    text = "device_id = 'salón-ñ'\n[recording]\ndir = '/mnt/my disk'\n"
    text += "[mqtt]\nusername = 'a'\npassword = ' é€ x\\b'\n"
    settings = load_settings(write(tmp_path, text), {})
    assert settings.device_id == "salón-ñ"
    assert settings.recording.dir == Path("/mnt/my disk")
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == " é€ x\\b"


def test_files_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "[mqtt]\nport = 1\nhost = 'one'\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "20.toml").write_text("[mqtt]\nport = 3\n")
    (tmp_path / "conf.d" / "10.toml").write_text("\n[mqtt]\nport = 2\ntls = true\n")
    (tmp_path / "conf.d" / "30.toml.bak").write_text("port")
    mqtt = load_settings(path, {}).mqtt
    assert (mqtt.port, mqtt.host, mqtt.tls) == (3, "one", True)
    (tmp_path / "conf.d" / "10.toml").write_text("\n[mqtt]\ntls = 'perhaps'\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {})
    assert caught.value.message.startswith(f"{tmp_path / 'conf.d' / '10.toml'}:3: mqtt.tls: ")


def test_a_message_does_not_carry_its_cause(tmp_path: Path) -> None:
    """A traceback with the validation error would show the input."""
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, f"[mqtt]\nport = 0\npassword = '{SECRET}'\n"), {})
    assert caught.value.__suppress_context__
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("days", ["inf", "1e300", "-1.0", "nan"])
def test_no_more_days_than_a_calendar_has(tmp_path: Path, days: str) -> None:
    assert "recording.keep_days" in refusal(tmp_path, f"[recording]\nkeep_days = {days}")


def test_the_home_folder_in_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder called "~" appeared wherever the daemon was started."""
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load_settings(write(tmp_path, '[recording]\ndir = "~/recordings"'), {})
    assert settings.recording.dir == tmp_path / "recordings"
    assert "unknown user" in refusal(tmp_path, '[recording]\ndir = "~nobody-of-that-name/x"')


def test_changes_of_a_call_are_checked(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, f"[mqtt]\nusername = 'me'\npassword = '{SECRET}'\n"), {})
    changed = with_changes(settings, "mqtt", {"host": "broker"}).mqtt
    assert changed.host == "broker"
    assert changed.password == settings.mqtt.password
    with pytest.raises(ConfigError) as caught:
        with_changes(settings, "mqtt", {"host": f"me:{SECRET}@broker"})
    assert caught.value.message.startswith("the call: host: must be only a host name")
    assert SECRET not in str(caught.value)


def test_settings_can_be_read_from_json_with_the_defaults_of_every_section():
    assert Settings.model_validate_json("{}") == Settings()
    assert Settings.model_validate_json('{"mqtt": {"port": 1884}}').recording == Settings().recording

"""From file, environment, secret files and credentials to settings; every message names its place."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest

from emoedge.config import Settings, default_paths, load_settings
from emoedge.config.load import MAX_FILE_BYTES, line_of
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
    settings = load_settings(Path("/dev/null"), environ)
    assert settings.mqtt.username == "something"
    assert settings.mqtt.ca_file == Path("something")
    changed = settings.model_dump(mode="json")
    for key in ("username", "password", "ca_file", "client_id"):
        changed["mqtt"].pop(key), values["mqtt"].pop(key)
    assert changed == values


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[camera]\nwidht = 3\n", 2, ("camera.widht", "unknown key", "width")),
        ("\n\n[camrea]\n", 3, ("camrea", "unknown key", "camera")),
        ("[mqtt]\nhost = 'a'\nport = 70000\n", 3, ("mqtt.port", "65535", "got 70000")),
        ("[mqtt]\nport = 'x'\n", 2, ("mqtt.port", "integer")),
        ("mqtt.port = 0\n", 1, ("mqtt.port", "greater than or equal to 1")),
        ("[ mqtt ]\n'port' = 0\n", 2, ("mqtt.port",)),
        ("[mqtt]\nport = true\n", 2, ("mqtt.port", "must not be true or false")),
        ("[publish]\n# often\ninterval = true\n", 3, ("publish.interval", "must not be true or false")),
        ("[mqtt]\nbase = 'a/+/b'\n", 2, ("mqtt.base", "without wildcards")),
        ("[mqtt]\nca_file = ''\n", 2, ("mqtt.ca_file", "must not be empty")),
        ("[paths]\nstate = 'a\\u0000b'\n".replace("'", '"'), 2, ("paths.state", "NUL")),
        ("device_id = 'a/b'\n", 1, ("device_id", "one topic level")),
        ("language = 'fr'\n", 1, ("language", "'es'", "'en'")),
        ("[fusion]\nmargin = nan\n", 2, ("fusion.margin",)),
        ("[fusion]\nface_weight = 1.1\n", 2, ("fusion.face_weight", "less than or equal to 1")),
        ("[camera]\nfps = 1979-05-27\n", 2, ("camera.fps", "valid number")),
        ("camera = 3\n", 1, ("camera",)),
        ("[events]\nbegin_confidence = 0.1\nend_confidence = 0.9\n", 1, ("events", "flicker")),
    ],
)
def test_a_bad_value_is_named_with_file_line_and_key(
    tmp_path: Path, text: str, line: int, words: tuple[str, ...]
) -> None:
    message = refusal(tmp_path, text)
    assert message.startswith(f"{tmp_path / 'emoedge.toml'}:{line}: "), message
    for word in words:
        assert word in message


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    message = refusal(
        tmp_path, "[mqtt]\nport = 0\n[camera]\nfps = -1\n", {"EMOEDGE_VOICE__ENABLED": "perhaps"}
    )
    assert len(message.splitlines()) == 3
    assert "EMOEDGE_VOICE__ENABLED: voice.enabled:" in message


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("EMOEDGE_MQTT__PORT", "x", "mqtt.port"),
        ("EMOEDGE_MQTT__PORTT", "1", "unknown key"),
        ("EMOEDGE_MQTT__HOST__NAME", "x", "mqtt.host"),
        ("EMOEDGE_MQTT", "x", "mqtt"),
        ("EMOEDGE_", "x", "unknown key"),
        ("EMOEDGE_CAMERA__SOURCE", "\udc80", "camera.source"),
        ("EMOEDGE_MQTT__PORT", "1" * 5000, "mqtt.port"),
    ],
)
def test_a_bad_variable_is_named(tmp_path: Path, name: str, value: str, words: str) -> None:
    message = refusal(tmp_path, environ={name: value})
    assert message.startswith(f"{name}: "), message
    assert words in message
    assert len(message) < 400


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a = \n", "not valid TOML: Invalid value (at line 1"),
        (b"[mqtt]\nport = 1\nport = 2\n", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a = " + b"[" * 3000, "nested too deeply"),
        (b"a = " + b"9" * 5000, "not valid TOML"),
        (b"[mqtt]\nport = 0x" + b"f" * 5000, "got a huge number"),
        (b"#" * (MAX_FILE_BYTES + 1), "too large"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"bad\.toml") as caught:
        load_settings(path, {})
    assert words in caught.value.message


def test_a_file_without_end_is_not_read_for_ever() -> None:
    with pytest.raises(ConfigError, match="too large"):
        load_settings(Path("/dev/zero"), {})


@pytest.mark.parametrize("place", ["missing.toml", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path / place, {})
    assert caught.value.message.startswith(str(tmp_path))


def test_files_from_other_editors(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes('\ufeffdevice_id = "salón"\r\n[camera]\r\nfps = 5\r\n'.encode())
    settings = load_settings(path, {})
    assert (settings.device_id, settings.camera.fps) == ("salón", 5.0)


def test_line_of_sections_and_keys() -> None:
    text = "a = 1\n\n[b]\nc = 2\n[d]\nc = 3\n"
    assert [line_of(text, keys) for keys in (("a",), ("b",), ("b", "c"), ("d", "c"), ("d", "x"))] == [
        1,
        3,
        4,
        6,
        None,
    ]


# Secrets: from files and credentials, and never shown.


def test_a_password_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f" {SECRET} \n")
    environ = {"EMOEDGE_MQTT__PASSWORD_FILE": str(tmp_path / "password")}
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


@pytest.mark.parametrize("place", ["missing", "", "."])
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
    settings = load_settings(write(tmp_path, f"[mqtt]\npassword = '{SECRET}'\n"), {})
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


@pytest.mark.parametrize("host", ["mqtt://broker", "broker:1883", "[::1]", " ", "bro ker", "broker/"])
def test_the_broker_is_a_host_alone(tmp_path: Path, host: str) -> None:
    """It was taken for a name, and nobody knew that name."""
    assert "without mqtt://" in refusal(tmp_path, f'[mqtt]\nhost = "{host}"')
    for good in ("broker.local", "::1", "fe80::1%eth0", "192.168.1.2"):
        assert load_settings(write(tmp_path, f'[mqtt]\nhost = "{good}"'), {}).mqtt.host == good


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("client_id", "x" * 70_000),
        ("username", "x" * 70_000),
        ("base", "x" * 70_000),
        ("discovery_prefix", "x" * 70_000),
        ("base", "$SYS"),
        ("base", "a\x85"),
        ("base", "a\n"),
    ],
)
def test_what_mqtt_cannot_carry_is_refused(key, value):
    with pytest.raises(ValueError, match=key):
        Settings.model_validate({"mqtt": {key: value}})

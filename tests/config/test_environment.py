"""Variables of other programs, empty ones, ends of line, secret files and pipes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from emoedge.config import Settings, load_settings
from emoedge.config.environment import _warn_of_foreign
from emoedge.errors import ConfigError

NOTHING = Path("/dev/null")


def load(**variables: str) -> Settings:
    return load_settings(NOTHING, {f"EMOEDGE_{name}": value for name, value in variables.items()})


def test_variables_of_other_programs_are_a_warning_once(caplog: pytest.LogCaptureFixture) -> None:
    _warn_of_foreign.cache_clear()
    foreign = {
        "PORT": "tcp://10.0.0.1:1883",
        "SERVICE_HOST": "10.0.0.1",
        "PORT_1883_TCP_ADDR": "10.0.0.1",
        "MQTT_HOST": "broker",
        "": "x",
        "A\x1b[2J": "x",
    }
    for _ in range(2):
        assert load(**foreign) == Settings()
    assert len(caplog.messages) == len(foreign)
    assert any(
        "EMOEDGE_MQTT_HOST is not" in line and "EMOEDGE_MQTT__HOST" in line for line in caplog.messages
    )
    assert "10.0.0.1" not in caplog.text
    assert "\x1b" not in caplog.text


@pytest.mark.parametrize("name", ["MQTT__PROT", "X__Y", "MQTT"])
def test_a_slip_in_a_setting_is_still_an_error(name: str) -> None:
    with pytest.raises(ConfigError):
        load(**{name: "1"})


def test_white_space_at_the_ends_is_taken_off() -> None:
    settings = load(
        DEVICE_ID="hall\r",
        MQTT__HOST=" broker\r\n",
        MQTT__PORT="8883\r",
        MQTT__TLS="true\r",
        MQTT__USERNAME="me\r",
        MQTT__PASSWORD="x y\r",
        RECORDING__MODE="off\u00a0",
    )
    assert (settings.device_id, settings.mqtt.host, settings.mqtt.port) == ("hall", "broker", 8883)
    assert (settings.mqtt.tls, settings.mqtt.username, settings.recording.mode) == (True, "me", "off")
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "x y"


def test_empty_values_are_not_set(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    names = ["DEVICE_ID", "MQTT", "MQTT__HOST", "MQTT__PORT", "MQTT__USERNAME", "MQTT__PASSWORD"]
    assert load(**dict.fromkeys([*names, "MQTT__PASSWORD_FILE", "CAMERA__SOURCE"], " ")) == Settings()
    assert load(MQTT__PASSWORD_FILE=str(empty), CAMERA__PASSWORD_FILE=str(empty)) == Settings()
    path = tmp_path / "emoedge.toml"
    path.write_text("[mqtt]\nusername = ''\npassword = ''\n[camera]\nusername = ''\npassword = ''\n")
    assert load_settings(path, {}) == Settings()


@pytest.mark.parametrize("section", ["MQTT", "CAMERA"])
def test_a_password_needs_a_user_name(section: str) -> None:
    for user in ({}, {f"{section}__USERNAME": ""}):
        with pytest.raises(ConfigError, match="password is set without username"):
            load(**{f"{section}__PASSWORD": "x"}, **user)
    assert getattr(load(**{f"{section}__USERNAME": "token"}), section.lower()).username


def test_the_credentials_of_a_camera(tmp_path: Path) -> None:
    (tmp_path / "camera_username").write_text("admin\n")
    (tmp_path / "camera_password").write_text("pa@ss/#\r\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "EMOEDGE_CAMERA__SOURCE": "rtsp://cam/1"}
    camera = load_settings(NOTHING, environ).camera
    assert camera.username is not None
    assert camera.password is not None
    assert camera.username.get_secret_value() == "admin"
    assert camera.password.get_secret_value() == "pa@ss/#"
    with pytest.raises(ConfigError, match="given twice"):
        load_settings(NOTHING, {**environ, "EMOEDGE_CAMERA__SOURCE": "rtsp://me:x@cam/1"})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_secret_files_of_other_programs(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "password").write_bytes("contraseña\r\n".encode(encoding))
    settings = load(MQTT__USERNAME="me", MQTT__PASSWORD_FILE=str(tmp_path / "password"))
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "contraseña"


def test_a_secret_file_in_another_encoding_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes("contraseña".encode("cp1252"))
    with pytest.raises(ConfigError, match="line 1 is not UTF-8 text") as caught:
        load(MQTT__USERNAME="me", MQTT__PASSWORD_FILE=str(tmp_path / "password"))
    assert "contrase" not in str(caught.value)
    assert caught.value.remedy == "save the file as UTF-8"


def test_a_pipe_without_a_writer_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="no program writes into"):
        load(MQTT__USERNAME="me", MQTT__PASSWORD_FILE=str(pipe))


def test_a_pipe_with_a_writer_is_read() -> None:
    """As bash's `<(pass show broker)`; the writer takes its time."""
    reader, writer = os.pipe()
    late = threading.Timer(0.2, lambda: (os.write(writer, b"secret\n"), os.close(writer)))
    late.start()
    settings = load(MQTT__USERNAME="me", MQTT__PASSWORD_FILE=f"/dev/fd/{reader}")
    late.join()
    os.close(reader)
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "secret"

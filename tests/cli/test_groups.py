"""Help, suggestions and global options of all commands."""

from __future__ import annotations

import pytest

from .program import emoedge


def test_global_options_stand_before_the_command_too(tmp_path):
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text('device_id = "one"\n')
    two.write_text('device_id = "two"\n')
    assert "device one" in emoedge("--config", one, "check").stdout
    assert "device two" in emoedge("--config", one, "check", "--config", two).stdout
    assert emoedge("--log-level", "debug", "--config", one, "recordings", "list", "--help").returncode == 0
    assert emoedge("--log-level", "loud", "check").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["recordngs"], "'recordings'"),
        (["Chek"], "'check'"),
        (["recordings", "lst"], "'list'"),
        (["classify", "fase", "x"], "'face'"),
        (["models", "fetsh"], "'fetch'"),
        (["service", "stats"], "'status'"),
        (["check", "--confg", "x"], "--config"),
        (["--log-lvel", "debug", "check"], "--log-level"),
    ],
)
def test_typos_get_a_suggestion(arguments, suggestion):
    result = emoedge(*arguments)
    assert result.returncode == 2
    assert suggestion in result.stderr

"""Where the socket of these settings is."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.local_socket.client import connect
from emoedge.local_socket.places import asking_places, listening_places

from .conftest import Daemon


def test_the_daemon_of_these_settings_is_found_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    mine, other = (Settings.model_validate({"paths": {"state": str(tmp_path / name)}}) for name in ("a", "b"))
    mine.paths.state.mkdir()
    stranger = Daemon(*listening_places(other), state=str(other.paths.state))
    daemon = Daemon(*listening_places(mine), state=str(mine.paths.state))
    try:
        assert stranger.server.path == tmp_path / "run" / "daemon.sock"
        assert daemon.server.path == mine.paths.state / "daemon.sock"
        with contextlib.ExitStack() as held:
            client = connect(mine, "test")
            assert client is not None
            held.enter_context(client)
            assert client.path == daemon.server.path
        daemon.server.stop(60.0)
        assert connect(mine, "test") is None
    finally:
        daemon.server.stop(60.0)
        stranger.server.stop(60.0)


def test_a_path_that_is_set_is_the_only_place(tmp_path: Path) -> None:
    settings = Settings.model_validate({"paths": {"socket": str(tmp_path / "my.sock")}})
    assert listening_places(settings) == asking_places(settings) == [tmp_path / "my.sock"]

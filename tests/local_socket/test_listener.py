"""The file of the socket."""

from __future__ import annotations

import grp
import os
import socket
from pathlib import Path

import pytest

from emoedge.local_socket.client import DaemonClient
from emoedge.local_socket.peer import GROUP

from .conftest import Daemon


def test_the_file_is_for_the_group_where_there_is_one_and_gone_at_the_end(
    daemon: Daemon, place: Path
) -> None:
    has_group = any(one.gr_name == GROUP for one in grp.getgrall()) and os.geteuid() == 0
    status = place.stat()
    assert status.st_mode & 0o777 == (0o660 if has_group else 0o600)
    daemon.server.stop(60.0)
    assert not place.exists()


def test_a_daemon_of_the_group_needs_no_chown(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's sandbox refuses it, and the file has the group already."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    for group, mode in ((os.getegid(), 0o660), (os.getegid() + 1, 0o600), (None, 0o600)):
        monkeypatch.setattr("emoedge.local_socket.listener.group_id", lambda group=group: group)
        daemon = Daemon(place)
        assert place.stat().st_mode & 0o777 == mode
        daemon.server.stop(60.0)


def test_a_file_that_nobody_answers_at_is_replaced_and_one_that_is_answered_is_not(place: Path) -> None:
    place.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(place))  # as after a SIGKILL
    first = Daemon(place)
    second = Daemon(place, place.parent / "second.sock")
    third = Daemon(place)
    try:
        assert first.server.path == place
        assert second.server.path == place.parent / "second.sock"
        assert third.server.path is None
        assert "another process" in third.server.health().reason
        with DaemonClient(place, "test") as client:
            assert client.ask("log") == {"taken": {}}
    finally:
        for daemon in (third, second, first):
            daemon.server.stop(60.0)
    place.write_text("a file of somebody", encoding="utf-8")
    assert Daemon(place).server.path is None
    assert place.read_text(encoding="utf-8") == "a file of somebody"


def test_a_path_of_any_length_works(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 50)
    folder.mkdir()
    daemon = Daemon(folder / "daemon.sock")
    try:
        with DaemonClient(folder / "daemon.sock", "test") as client:
            assert client.ask("log") == {"taken": {}}
    finally:
        daemon.server.stop(60.0)
    assert not (folder / "daemon.sock").exists()

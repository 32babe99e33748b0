"""Who is let in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from emoedge.local_socket.peer import Peer, is_allowed

from .conftest import Daemon

NOBODY = 65_534


def test_only_root_the_own_user_and_the_group_are_let_in() -> None:
    mine = os.geteuid()
    assert is_allowed(Peer(1, 0, frozenset({NOBODY})), None)
    assert is_allowed(Peer(1, mine, frozenset()), None)
    assert is_allowed(Peer(1, mine + 1, frozenset({20, 4711})), 4711)
    assert not is_allowed(Peer(1, mine + 1, frozenset({20, 4711})), None)
    assert not is_allowed(Peer(1, mine + 1, frozenset({20})), 4711)


AS_NOBODY = f"""
import os, socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(60)
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
client.connect(sys.argv[1])
print(client.recv(9999).decode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_another_user_of_the_machine_is_refused_even_where_the_file_lets_them_in() -> None:
    def ask_as_nobody() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-S", "-c", AS_NOBODY, str(place)]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        place = Path(folder) / "daemon.sock"
        daemon = Daemon(place)
        try:
            assert "PermissionError" in ask_as_nobody().stderr
            place.chmod(0o666)
            assert json.loads(ask_as_nobody().stdout)["error"]["code"] == "permission"
            assert daemon.taken == []
        finally:
            daemon.server.stop(60.0)

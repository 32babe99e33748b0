"""Who holds a file: one at a time, and never what is not a file."""

from __future__ import annotations

import os
from pathlib import Path

from emoedge.record.lock import hold


def test_one_at_a_time(tmp_path):
    path = tmp_path / "a"
    path.touch()
    with hold(path) as first, hold(path) as second:
        assert (first, second) == (True, False)
    with hold(path) as again:
        assert again


def test_links_pipes_and_nothing_are_not_held(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "none"):
        with hold(tmp_path / name) as held:
            assert not held, name
    with hold(tmp_path / "pipe"):
        pass  # returns at once, although nobody writes into it


def test_a_lock_is_gone_with_its_holder(tmp_path):
    path = tmp_path / "a"
    path.touch()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with hold(path) as held:
            assert held
    assert len(list(Path("/proc/self/fd").iterdir())) == before

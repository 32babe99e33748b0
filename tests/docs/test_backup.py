"""The guide's own commands take a device's whole state to another one."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from emoedge.config import load_settings
from emoedge.history import read
from emoedge.history.database import HistoryFile
from emoedge.history.rows import Changes
from emoedge.supervise.overrides import Overrides, OverrideStore
from emoedge.supervise.privacy_record import PrivacyRecord
from emoedge.web.access import AccessStore
from tests.history.helpers import NOON
from tests.history.test_database import minute

from .pages import blocks

PAGE_OF = {"en": "docs/install.md", "es": "docs/es/instalacion.md"}


def commands(page: str, word: str) -> list[str]:
    """The lines of the block with a word in it."""
    (block,) = [one for one in blocks("sh") if one.page == page and word in one.text]
    return block.text.strip().splitlines()


def carry_out(lines: list[str], root: Path, folder: Path) -> None:
    """Run what the guide says, with another folder as the root and without sudo and systemd."""
    for line in lines:
        words = shlex.split(line)
        assert words.pop(0) == "sudo"
        if words[0] == "systemctl":
            continue
        words = [str(root) if word == "/" else word for word in words]
        words = [f"{root}{word}" if word.startswith("/var/") else word for word in words]
        subprocess.run(words, cwd=folder, check=True)


def override_store(root: Path, records: Path) -> OverrideStore:
    """That of a device with its own records of privacy outside the state folder."""
    state = root / "var/lib/emoedge/state"
    runtime, cache = (PrivacyRecord(records / name, state) for name in ("run", "cache"))
    return OverrideStore(state, runtime, cache)


def make_device(root: Path, records: Path) -> str:
    """A device that has been used; returns the console's key."""
    etc, lib = root / "etc/emoedge", root / "var/lib/emoedge"
    for folder in (etc / "conf.d", lib / "state", lib / "models", lib / "recordings/2026-06-01"):
        folder.mkdir(parents=True)
    for folder in (records / "run", records / "cache"):
        folder.mkdir(parents=True)
    (lib / "recordings").chmod(0o2750)
    (etc / "emoedge.toml").write_text(
        f'device_id = "salon"\n[paths]\nstate = "{lib / "state"}"\n'
        f'[recording]\ndir = "{lib / "recordings"}"\n'
    )
    (etc / "emoedge.toml").chmod(0o640)
    (etc / "conf.d/50-console.toml").write_text('language = "en"\n')
    (lib / "recordings/2026-06-01/one.mp4").write_bytes(os.urandom(5000))
    override_store(root, records).save(Overrides(privacy=True, margin=0.3))
    history = HistoryFile(lib / "state")
    history.write([Changes([minute(NOON)])])
    history.close()
    return AccessStore(root / "var/lib/emoedge-web").make_key()


def seen(root: Path) -> dict[str, tuple[str, str, str, bytes]]:
    """Mode, owner, group and content of everything that a device keeps."""
    found = {}
    for top in ("etc/emoedge", "var/lib/emoedge", "var/lib/emoedge-web"):
        for path in (root / top, *(root / top).rglob("*")):
            is_at = path.lstat()
            found[str(path.relative_to(root))] = (
                stat.filemode(is_at.st_mode),
                pwd.getpwuid(is_at.st_uid).pw_name,
                grp.getgrgid(is_at.st_gid).gr_name,
                path.read_bytes() if path.is_file() else b"",
            )
    return found


@pytest.mark.parametrize("language", ["en", "es"])
def test_everything_arrives(language: str, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    key = make_device(old, tmp_path / "records of the old one")
    before = seen(old)
    carry_out(commands(PAGE_OF[language], "sudo tar -C / -czf"), old, tmp_path)

    make_device(new, tmp_path / "records of the new one")
    override_store(new, tmp_path / "records of the new one").save(Overrides(privacy=False))
    # A log of another database would be played into the one that arrives.
    (new / "var/lib/emoedge/state/history.sqlite3-wal").write_bytes(b"of the new device")
    carry_out(commands(PAGE_OF[language], "sudo tar -C / -xzpf"), new, tmp_path)

    arrived = seen(new)
    assert {name: arrived.get(name) for name in before} == before
    assert not (new / "var/lib/emoedge/state/history.sqlite3-wal").exists()
    assert AccessStore(new / "var/lib/emoedge-web").access_of_key(key) == "full"
    overrides = override_store(new, tmp_path / "records of the new one").load()
    assert overrides.privacy, "privacy that was on stays on"
    assert overrides.margin == 0.3
    settings = load_settings(new / "etc/emoedge/emoedge.toml", {})
    assert (settings.device_id, settings.language) == ("salon", "en")
    noon = datetime.fromtimestamp(NOON / 1000, timezone.utc)
    paths = settings.paths.model_copy(update={"state": new / "var/lib/emoedge/state"})
    span = read(settings.model_copy(update={"paths": paths}), noon, noon + timedelta(minutes=1), "minute")
    assert not span.is_empty

"""What is new after an upgrade."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from emoedge.changelog import SEEN_FILE, entries_since, note_seen, unseen_news
from emoedge.package_files import package_file
from emoedge.version import __version__

TEXT = """# Changelog

## Unreleased

### Added
- Not in any release yet.

## [0.10.0] - 2026-12-01

### Added
- One thing. With more
  about it.
- Another.

### Changed
- A key has another default.

## 0.9.1 - 2026-11-30

### Fixed
- A fault.

## 0.9.0 - 2026-11-01

### Added
- The beginning.
"""


def test_releases_in_between_count_and_changes_come_first():
    assert entries_since(TEXT, "0.9.0", "0.10.0") == (
        "A key has another default.",
        "One thing. With more about it.",
        "Another.",
        "A fault.",
    )
    assert entries_since(TEXT, "0.9.0", "0.9.1") == ("A fault.",)


def test_a_version_without_a_section_is_what_is_not_released_yet():
    assert entries_since(TEXT, "0.10.0", "0.11.0") == ("Not in any release yet.",)
    assert entries_since("", "0.1", "0.2") == ()


def test_it_is_said_after_an_upgrade_and_until_it_was_seen(tmp_path):
    assert unseen_news(tmp_path, TEXT, "0.9.0") is None  # a first run
    assert unseen_news(tmp_path, TEXT, "0.9.0") is None
    news = unseen_news(tmp_path, TEXT, "0.9.1")
    assert (news.version, news.before, news.entries) == ("0.9.1", "0.9.0", ("A fault.",))
    assert unseen_news(tmp_path, TEXT, "0.9.1") == news
    note_seen(tmp_path, "0.9.1")
    assert unseen_news(tmp_path, TEXT, "0.9.1") is None
    assert unseen_news(tmp_path, TEXT, "0.9.0") is None  # back again
    assert unseen_news(tmp_path, TEXT, "0.9.1") is not None


@pytest.mark.parametrize("noted", ["", "[]", '{"version": 3}', "\udcff", '{"version": ""}'])
def test_a_damaged_note_is_no_obstacle(tmp_path, noted):
    (tmp_path / SEEN_FILE).write_text(noted, errors="surrogateescape")
    unseen_news(tmp_path, TEXT, "0.9.1")
    note_seen(tmp_path, "0.9.1")
    assert json.loads((tmp_path / SEEN_FILE).read_text()) == {"version": "0.9.1"}


def test_no_folder_is_made(tmp_path):
    assert unseen_news(tmp_path / "none", TEXT, "0.9.1") is None
    assert not (tmp_path / "none").exists()


def test_the_changelog_that_came_with_it_is_read(tmp_path):
    note_seen(tmp_path, "0.0.1")
    news = unseen_news(tmp_path)
    assert news.version == __version__
    assert len(news.entries) > 10
    assert all(entry.strip() == entry and "\n" not in entry for entry in news.entries)
    assert package_file("CHANGELOG.md").is_file()


def test_doctor_says_it_once(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    note_seen(state, "0.0.1")
    config = tmp_path / "emoedge.toml"
    config.write_text(
        'device_id = "salon"\nlanguage = "es"\n[camera]\nsource = "none"\n[microphone]\nsource = "none"\n'
        f'[mqtt]\nenabled = false\n[paths]\nstate = "{state}"\n'
        f'[recording]\ndir = "{tmp_path / "recordings"}"\n'
    )

    def said() -> str:
        argv = (sys.executable, "-m", "emoedge", "doctor", "--config", str(config))
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, env=os.environ | {"LANG": "C.UTF-8"}
        )
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    first = said()
    assert f"Novedades de {__version__} (antes 0.0.1), en inglés:" in first
    assert str(package_file("CHANGELOG.md")) in first
    assert "Novedades" not in said()

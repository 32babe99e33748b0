"""Which files are found and where their results go."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoedge.batch import find_jobs
from emoedge.errors import ConfigError

from .conftest import write_tone


def names(items, out=Path("out")) -> list[str]:
    return [job.name for job in find_jobs(items, out)]


def test_a_folder_is_mirrored_without_what_is_hidden_or_no_medium(folder):
    jobs = find_jobs([folder], Path("out"))
    assert [job.name for job in jobs] == ["a.wav", "b.wav", "deep/er/c.WAV"]
    assert jobs[2].result == Path("out/deep/er/c.WAV.jsonl")
    assert jobs[2].stamp == Path("out/deep/er/c.WAV.json")


def test_patterns_keep_the_place_below_their_fixed_part(folder):
    assert names([folder / "*.wav"]) == ["a.wav", "b.wav"]
    assert names([folder / "deep" / "**"]) == ["er/c.WAV"]
    assert names([folder / "**" / "*.wav"]) == ["a.wav", "b.wav"]


def test_a_file_named_by_itself_may_be_called_anything(folder):
    assert names([folder / "notes.txt", folder / "a.wav"]) == ["a.wav", "notes.txt"]
    # One that is missing fails for itself later on, and not with it the whole call.
    assert names([folder / "gone.mp4"]) == ["gone.mp4"]


def test_the_same_file_twice_is_one_job_and_two_of_a_name_are_refused(folder, tmp_path):
    assert names([folder, folder / "a.wav"]) == ["a.wav", "b.wav", "deep/er/c.WAV"]
    write_tone(tmp_path / "other" / "a.wav")
    with pytest.raises(ConfigError, match=r"a\.wav"):
        names([folder, tmp_path / "other"])


def test_nothing_found_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    for item in (tmp_path / "empty", tmp_path / "*.mp4"):
        with pytest.raises(ConfigError, match="no media"):
            names([item])


def test_links_to_folders_are_not_followed_round_and_round(folder):
    (folder / "deep" / "loop").symlink_to(folder)
    assert names([folder]) == ["a.wav", "b.wav", "deep/er/c.WAV"]

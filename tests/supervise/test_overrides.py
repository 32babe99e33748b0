"""What is kept of settings changed while running, and of privacy: whole, checked, and closed where in doubt."""  # noqa: E501

from __future__ import annotations

from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.publish.control import Command
from emoedge.supervise.overrides import Overrides, OverrideStore
from emoedge.supervise.privacy_end import Moment, PrivacyEnd
from emoedge.supervise.privacy_record import PrivacyRecord

END = PrivacyEnd.after(3600.5, Moment("boot", 12.25, 1.8e9, synced=True))


@pytest.fixture
def make(tmp_path):
    """A store as after a restart; `boot` forgets what is kept in memory."""

    def store(state: Path | None = None, *, boot: int = 0) -> OverrideStore:
        folder = state or tmp_path / "state"
        return OverrideStore(
            folder,
            PrivacyRecord(tmp_path / f"run{boot}", folder),
            PrivacyRecord(tmp_path / "cache", folder),
        )

    return store


def test_overrides_survive_and_apply(make):
    store = make()
    overrides = store.load()
    assert overrides == Overrides()
    for command in (
        Command("privacy", True),
        Command("margin", 0.05),
        Command("recording_mode", "off"),
        Command("record", 5.0),
        Command("snapshot", True),
    ):
        overrides = overrides.after(command)
    store.save(overrides)
    kept = make(boot=1).load()
    assert kept == Overrides(privacy=True, margin=0.05, recording_mode="off")
    in_force = kept.apply(Settings())
    assert (in_force.fusion.margin, in_force.fusion.face_weight) == (0.05, Settings().fusion.face_weight)
    assert in_force.recording.mode == "off"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"null",
        b'{"margin": 7}',
        b'{"privacy": false}',
        b"\xff",
        b"[" * 60_000,
        b" " * 100_000,
    ],
)
def test_damaged_settings_are_put_aside_and_mean_privacy(make, content):
    store = make()
    store.path.parent.mkdir()
    store.path.write_bytes(content)
    for _ in range(2):
        assert make().load() == Overrides(privacy=True), "and so it stays, over restarts"
    assert store.load() == Overrides(privacy=True)
    store.save(Overrides(privacy=True))
    assert store.path.with_name("state.json.damaged").read_bytes() == content
    assert make().load() == Overrides(privacy=True)
    store.save(Overrides(margin=0.5))
    store.note_off()
    assert make().load() == Overrides(margin=0.5)


def test_no_flipped_bit_switches_privacy_off_or_changes_a_value(make):
    """49 of 712 did, `"qrivacy": true` among them."""
    for kept in (
        Overrides(privacy=True, margin=0.25),
        Overrides(recording_mode="off", face_weight=0.5),
        Overrides(privacy=True, privacy_end=END),
    ):
        store = make(boot=1)
        store.save(kept)
        good = store.path.read_bytes()
        for bit in range(8 * len(good)):
            damaged = bytearray(good)
            damaged[bit // 8] ^= 1 << bit % 8
            store.path.write_bytes(damaged)
            assert make(boot=2).load() == Overrides(privacy=True), f"bit {bit}: {bytes(damaged)!r}"
        for end in range(len(good)):
            store.path.write_bytes(good[:end])
            assert make(boot=2).load() == Overrides(privacy=True), f"cut at {end}"


def test_an_unknown_and_a_missing_key_mean_privacy(make):
    import json

    store = make()
    store.save(Overrides())
    values = json.loads(store.path.read_bytes())
    for changed in (
        values | {"new": 1},
        {key: value for key, value in values.items() if key != "privacy"},
        {key: value for key, value in values.items() if key != "sha256"},
    ):
        store.path.write_text(json.dumps(changed, indent=1) + "\n")
        assert make().load().privacy, changed


def test_settings_that_cannot_be_read_mean_privacy(make):
    store = make()
    store.path.mkdir(parents=True)
    assert store.load() == Overrides(privacy=True)


def test_a_new_device_is_not_private(make):
    assert make().load() == Overrides()


@pytest.mark.parametrize("boot", [0, 1])
@pytest.mark.parametrize("on", [True, False])
def test_missing_settings_mean_privacy_once_it_has_ever_been_on(make, tmp_path, boot, on):
    """Also where the whole folder is missing: a link to a disk that is not mounted."""
    store = make()
    store.save(Overrides(privacy=True))
    if not on:
        store.save(Overrides())
        store.note_off()
        assert make(boot=boot).load() == Overrides(), "OFF counts as long as it can be read"
    store.path.unlink()
    assert make(boot=boot).load().privacy
    store.path.parent.rmdir()
    store.path.parent.symlink_to(tmp_path / "not mounted")
    assert make(boot=boot).load().privacy
    assert make(tmp_path / "another", boot=boot).load() == Overrides(), "another device is another matter"


def test_privacy_counts_if_either_place_says_so(make, tmp_path):
    store = make()
    store.save(Overrides(margin=0.1))
    store.note_privacy()
    assert make().load() == Overrides(privacy=True, margin=0.1), "the disk was not written yet"
    store.save(Overrides(privacy=True, margin=0.1))
    assert make(boot=1).load() == Overrides(privacy=True, margin=0.1), "the machine was restarted"
    store.save(Overrides(margin=0.1))
    assert make().load().privacy, "OFF counts once both say so"
    store.note_off()
    assert make().load() == Overrides(margin=0.1)


def test_the_end_of_privacy_is_kept_and_counts_once_both_places_have_it(make):
    store = make()
    timed = Overrides(privacy=True, privacy_end=END)
    store.save(timed)
    assert make().load() == Overrides(privacy=True), "memory may know of a later ON without an end"
    store.note_end()
    assert make().load() == timed == make(boot=1).load()
    store.note_privacy()
    assert make().load() == Overrides(privacy=True)
    store.note_end()
    store.save(Overrides())
    assert make().load() == Overrides(privacy=True), "OFF was not noted yet"
    store.note_off()
    assert make().load() == Overrides()


def test_settings_without_an_end_are_written_as_before(make):
    store = make()
    store.save(Overrides(margin=0.5))
    assert b"privacy_end" not in store.path.read_bytes()


def test_on_is_written_wherever_it_can_be(make, tmp_path):
    (tmp_path / "run0").touch()  # no folder, so that nothing can be written there
    with pytest.raises(OSError, match="run0"):
        make().save(Overrides(privacy=True))
    assert make(boot=1).load().privacy

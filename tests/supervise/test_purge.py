"""What a purge leaves, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from emoedge.clock import rfc3339
from emoedge.publish.publisher import SPOOL_FILE
from emoedge.publish.spool import Spool
from emoedge.publish.spool_entry import Entry
from emoedge.record.lock import hold
from emoedge.record.store import Store
from emoedge.supervise.adaptation import FILE_NAME as ADAPTATION_FILE
from emoedge.supervise.purge import purge_everything, purge_last
from tests.record.test_store import put

NOW = datetime.now(timezone.utc)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path


def emoedge(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    config = root / "emoedge.toml"
    config.write_text(f'[recording]\ndir = "{root / "recordings"}"\n[paths]\nstate = "{root / "state"}"\n')
    command = [sys.executable, "-m", "emoedge", *arguments, "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def age(root: Path, segment_id: str, ago: timedelta) -> None:
    """Let the files of a segment look as old as it says."""
    for path in root.glob(f"recordings/*/{segment_id}*"):
        os.utime(path, ((NOW - ago).timestamp(),) * 2)


def test_what_a_crash_has_left_in_the_state_folder_goes_too(root):
    for name in (
        ADAPTATION_FILE,
        f"{ADAPTATION_FILE}.new",
        f"{ADAPTATION_FILE}.partial",
        f"{SPOOL_FILE}-wal",
    ):
        (root / "state" / name).write_text("of people")
    (root / "state" / "overrides.json").write_text("{}")
    victim = root / "victim"
    victim.write_text("not ours")
    (root / "state" / f"{ADAPTATION_FILE}.old").symlink_to(victim)
    purged = purge_everything(Store(root / "recordings"), root / "state")
    assert [path.name for path in (root / "state").iterdir()] == ["overrides.json"]
    assert victim.read_text() == "not ours"
    assert purged.left == []


def test_what_cannot_go_is_named_and_counted_and_the_rest_goes(root):
    ids = [put(root / "recordings", NOW - timedelta(hours=hour)) for hour in range(3)]
    (root / "state" / ADAPTATION_FILE).write_text("of a voice")
    fixed = next(root.glob(f"recordings/*/{ids[0]}.mp4"))
    if (
        shutil.which("chattr") is None
        or subprocess.run(["chattr", "+i", fixed], check=False, capture_output=True).returncode
    ):
        pytest.skip("cannot make a file immutable here")
    try:
        done = emoedge(root, "recordings", "purge", "--all")
    finally:
        subprocess.run(["chattr", "-i", fixed], check=True)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "2 segments deleted, 1 item could not be deleted"
    assert done.stderr.count(str(fixed)) >= 1
    assert "owner root" in done.stderr
    assert "run: sudo chattr -i" in done.stderr
    assert [path.name for path in root.glob("recordings/*/*")] == [fixed.name]
    assert not (root / "state" / ADAPTATION_FILE).exists()
    assert emoedge(root, "recordings", "purge", "--all").returncode == 0
    assert list((root / "recordings").iterdir()) == []


def test_the_last_minutes_alone(root):
    recordings = root / "recordings"
    ids = [put(recordings, NOW - timedelta(minutes=minutes)) for minutes in (300, 8, 1)]
    age(root, ids[0], timedelta(minutes=299))
    store = Store(recordings)
    store.keep(store.find(ids[2]))
    spool = Spool(root / "state" / SPOOL_FILE, 100)
    for seq, minutes in enumerate((300, 5), 1):
        payload = {"time": rfc3339(NOW - timedelta(minutes=minutes)), "minutes": minutes}
        spool.append([Entry(seq, "text", json.dumps(payload).encode())])
    spool.close()
    purged = purge_last(Store(recordings), root / "state", NOW - timedelta(minutes=10))
    assert sorted(purged.segments) == sorted(ids[1:])
    assert [segment.segment_id for segment in Store(recordings).segments()] == ids[:1]
    spool = Spool(root / "state" / SPOOL_FILE, 100)
    assert [json.loads(entry.payload)["minutes"] for entry in spool.after(0, 10)] == [300]
    spool.close()
    assert b'"minutes": 5' not in (root / "state" / SPOOL_FILE).read_bytes()


def test_what_a_daemon_is_writing_is_left_to_it(root):
    segment_id = put(root / "recordings", NOW)
    media = next(root.glob(f"recordings/*/{segment_id}.mp4"))
    partial = media.rename(media.with_name(media.name + ".partial"))
    with hold(partial) as held:
        assert held
        assert purge_last(Store(root / "recordings"), root / "state", NOW - timedelta(hours=1)).segments == []
        assert len(list(media.parent.iterdir())) == 5
    assert purge_last(Store(root / "recordings"), root / "state", NOW - timedelta(hours=1)).segments == [
        segment_id
    ]


@pytest.mark.parametrize("text", ["10", "m", "-5m", "1.5h", "10 m", "99999999999d", ""])
def test_a_time_that_is_none(root, text):
    done = emoedge(root, "recordings", "purge", "--last", text)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_keep_and_delete_on_the_command_line(root):
    segment_id = put(root / "recordings", NOW)
    assert emoedge(root, "recordings", "keep", segment_id).returncode == 0
    listed = json.loads(emoedge(root, "recordings", "list", "--json").stdout)
    assert (listed["id"], listed["keep"]) == (segment_id, True)
    assert emoedge(root, "recordings", "keep", segment_id, "--off").returncode == 0
    assert json.loads(emoedge(root, "recordings", "show", segment_id).stdout)["keep"] is False
    assert emoedge(root, "recordings", "delete", segment_id).stdout == "1 segment deleted\n"
    assert emoedge(root, "recordings", "delete", segment_id).returncode == 1

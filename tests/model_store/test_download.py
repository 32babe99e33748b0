"""Downloads over real HTTP on the loopback interface: whole, resumed, changed, damaged, refused."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from emoedge.backoff import Backoff
from emoedge.errors import ModelError
from emoedge.model_store import download as module
from emoedge.model_store.download import download

BODY = os.urandom(1_500_000)
AT_ONCE = Backoff(first_s=0.0)
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def served(site):
    site.files["/m.zip"] = BODY
    return site


def test_whole_file_arrives_with_progress_and_digest(served, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    target = tmp_path / "m.zip"
    digest = download(served.url + "/m.zip", target, sha256=SHA, progress=lambda *p: seen.append(p))
    assert (digest, target.read_bytes()) == (SHA, BODY)
    assert seen[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.zip"]


def test_broken_connection_is_resumed_within_one_call(served, tmp_path: Path) -> None:
    served.cut_after = [600_000, 400_000]
    target = tmp_path / "m.zip"
    assert download(served.url + "/m.zip", target, backoff=AT_ONCE) == SHA
    assert served.ranges == [None, "bytes=600000-", "bytes=1000000-"]


def test_a_later_call_goes_on_where_the_first_gave_up(served, tmp_path: Path) -> None:
    served.cut_after = [100_000] * module.ATTEMPTS
    target = tmp_path / "m.zip"
    with pytest.raises(ModelError, match="connection ended after 400000 of 1500000"):
        download(served.url + "/m.zip", target, backoff=AT_ONCE)
    assert not target.exists()
    assert (tmp_path / "m.zip.part").stat().st_size == 400_000
    served.ranges.clear()
    assert download(served.url + "/m.zip", target) == SHA
    assert served.ranges == ["bytes=400000-"]


def test_a_file_that_changed_on_the_server_is_not_glued_to_the_old_half(served, tmp_path: Path) -> None:
    served.cut_after = [300_000] * module.ATTEMPTS
    target = tmp_path / "m.zip"
    with pytest.raises(ModelError):
        download(served.url + "/m.zip", target, backoff=AT_ONCE)
    served.files["/m.zip"] = BODY[::-1]
    download(served.url + "/m.zip", target)
    assert target.read_bytes() == BODY[::-1]


def test_server_without_range_sends_it_all_again(served, tmp_path: Path) -> None:
    served.supports_range = False
    served.cut_after = [300_000]
    target = tmp_path / "m.zip"
    assert download(served.url + "/m.zip", target, backoff=AT_ONCE) == SHA


def test_a_part_that_is_too_long_starts_afresh(served, tmp_path: Path) -> None:
    served.cut_after = [300_000] * module.ATTEMPTS
    target = tmp_path / "m.zip"
    with pytest.raises(ModelError):
        download(served.url + "/m.zip", target, backoff=AT_ONCE)
    (tmp_path / "m.zip.part").write_bytes(BODY + b"more")
    assert download(served.url + "/m.zip", target, backoff=AT_ONCE) == SHA


def test_damage_is_refused_and_nothing_left(served, tmp_path: Path) -> None:
    served.files["/m.zip"] = BODY[:-1] + bytes([BODY[-1] ^ 1])
    with pytest.raises(ModelError, match="damaged or changed"):
        download(served.url + "/m.zip", tmp_path / "m.zip", sha256=SHA)
    assert list(tmp_path.iterdir()) == []


def test_missing_page_is_not_retried_but_an_overloaded_server_is(served, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="404") as caught:
        download(served.url + "/none.zip", tmp_path / "m.zip", backoff=AT_ONCE)
    assert "--from FILE" in caught.value.remedy
    assert len(served.ranges) == 1
    served.status = [503]
    assert download(served.url + "/m.zip", tmp_path / "m.zip", backoff=AT_ONCE) == SHA


def test_nobody_listening_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot download"):
        download("http://127.0.0.1:9/m.zip", tmp_path / "m.zip", backoff=AT_ONCE)


def test_only_http(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not an address"):
        download("file:///etc/passwd", tmp_path / "m.zip")


def test_full_disk_is_noticed_before_the_download(served, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "SPARE_BYTES", 1 << 60)
    with pytest.raises(ModelError, match="MB free"):
        download(served.url + "/m.zip", tmp_path / "m.zip")

"""What is known of a model's files, and when it is looked at again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emoedge.errors import ModelError
from emoedge.model_store import package_models_dir, resolve
from emoedge.model_store.manifest import FACE_CLASSIFIER, SHIPPED
from emoedge.model_store.soundness import check_digests, ensure_sound


class Trial:
    """Counts, and refuses when told to."""

    def __init__(self) -> None:
        self.count = 0
        self.fault = ""

    def __call__(self, _path: Path) -> None:
        self.count += 1
        if self.fault:
            raise ModelError(self.fault)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "models" / "mine"
    (path / "am").mkdir(parents=True)
    (path / "am" / "final.mdl").write_bytes(b"abc")
    return path


def test_shipped_models_have_their_digests(tmp_path: Path) -> None:
    package = package_models_dir()
    for name in SHIPPED:
        assert check_digests(resolve(name, tmp_path), tmp_path) == "digests as released"
    copied = tmp_path / "package"
    shutil.copytree(package, copied, ignore=shutil.ignore_patterns("figures"))
    content = bytearray((copied / FACE_CLASSIFIER).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / FACE_CLASSIFIER).write_bytes(content)
    with pytest.raises(ModelError, match="SHA-256") as caught:
        check_digests(copied / FACE_CLASSIFIER, tmp_path, copied)
    assert caught.value.remedy == "install emoedge again"


def test_a_model_is_tried_once_until_it_changes(model: Path, tmp_path: Path) -> None:
    trial, cache = Trial(), tmp_path / "cache"
    for _ in range(3):
        ensure_sound(model, model.parent, trial, cache)
    assert trial.count == 1
    (model / "am" / "final.mdl").write_bytes(b"abd")
    os.utime(model / "am" / "final.mdl", ns=(1, 1))
    ensure_sound(model, model.parent, trial, cache)
    assert trial.count == 2
    (model / "new").touch()
    ensure_sound(model, model.parent, trial, cache)
    assert trial.count == 3
    (cache / "models.json").write_text("[")
    ensure_sound(model, model.parent, trial, cache)
    assert trial.count == 4


def test_a_fault_is_kept_until_the_files_change(model: Path, tmp_path: Path) -> None:
    trial = Trial()
    trial.fault = "it crashes"
    for _ in range(3):
        with pytest.raises(ModelError, match="it crashes"):
            ensure_sound(model, model.parent, trial, tmp_path / "cache")
    assert trial.count == 1
    trial.fault = ""
    (model / "am" / "final.mdl").write_bytes(b"whole")
    ensure_sound(model, model.parent, trial, tmp_path / "cache")
    assert trial.count == 2


def test_a_process_that_was_killed_has_it_looked_at_again(model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from emoedge.model_store.soundness import ensure_sound\n"
        "model, cache = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "ensure_sound(model, model.parent, lambda _: print('tried'), cache)\n"
        "if sys.argv[3] == 'kill': sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    def process(end: str) -> str:
        command = [sys.executable, "-c", code, str(model), str(cache), end]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300).stdout

    assert process("exit") == "tried\n"
    assert process("exit") == ""
    assert process("kill") == ""
    assert process("exit") == "tried\n"
    assert process("exit") == ""


def test_without_a_place_for_the_record_it_is_looked_at_each_time(model: Path) -> None:
    trial = Trial()
    for _ in range(2):
        ensure_sound(model, model.parent, trial, Path("/proc/no-such-folder"))
    assert trial.count == 2

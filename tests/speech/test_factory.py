"""Which engine a setting means."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoedge.errors import ModelError
from emoedge.speech.factory import open_recogniser


def test_unknown_engine_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="siri") as caught:
        open_recogniser("siri", tmp_path)
    assert "vosk" in caught.value.remedy

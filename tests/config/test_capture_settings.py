"""The sections [camera] and [microphone]."""

from __future__ import annotations

import pytest

from emoedge.config import load_settings
from emoedge.errors import ConfigError


@pytest.mark.parametrize("part", ["[0.5, 0, 0.6, 1]", "[0, 0, 0, 1]", "[0, 0, 1]", "[-0.1, 0, 0.5, 0.5]"])
def test_a_part_that_is_not_in_the_picture_is_refused(tmp_path, part):
    path = tmp_path / "emoedge.toml"
    path.write_text(f"[face]\nignore = [{part}]\n")
    with pytest.raises(ConfigError, match=r"face\.ignore"):
        load_settings(path, {})


def test_parts_to_ignore(tmp_path):
    path = tmp_path / "emoedge.toml"
    path.write_text("[face]\nignore = [[0.6, 0.1, 0.3, 0.35], [0, 0, 0.1, 1]]\n")
    assert load_settings(path, {}).face.ignore == ((0.6, 0.1, 0.3, 0.35), (0, 0, 0.1, 1))

"""Files beside the MP4: whole or not at all, for owner and group."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from emoedge.files import partial_of
from emoedge.record.sidecar import THUMBNAIL_WIDTH, names_of, read_details, thumbnail_of, write_details


def test_details_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "a.json"
    write_details(path, {"schema": 1, "emotion": "alegría"})
    assert read_details(path) == {"schema": 1, "emotion": "alegría"}
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", ["", "[1]", '"text"', "{", "null"])
def test_what_is_no_object_is_refused(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"JSON|Expecting"):
        read_details(path)


def test_a_link_in_the_place_of_details_is_not_followed(tmp_path):
    write_details(tmp_path / "elsewhere.json", {"schema": 1})
    (tmp_path / "a.json").symlink_to("elsewhere.json")
    with pytest.raises(OSError, match="symbolic"):
        read_details(tmp_path / "a.json")


def test_the_partial_name_comes_before_the_final_one(tmp_path):
    path = tmp_path / "a.json"
    assert names_of(path) == (partial_of(path), path)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1080, 1920), (1, 4000)])
def test_a_thumbnail_keeps_the_shape(height, width):
    picture = np.full((height, width, 3), (0, 0, 200), np.uint8)
    thumbnail = cv2.imdecode(np.frombuffer(thumbnail_of(picture), np.uint8), cv2.IMREAD_COLOR)
    assert thumbnail.shape[1] == THUMBNAIL_WIDTH
    assert thumbnail.shape[0] == max(2, round(THUMBNAIL_WIDTH * picture.shape[0] / picture.shape[1]))
    assert np.abs(thumbnail.astype(int) - (0, 0, 200)).max() < 12

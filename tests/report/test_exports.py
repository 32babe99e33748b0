"""Exports: read back by what reads such files."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from emoedge.circumplex import affect
from emoedge.emotions import COLORS, EMOTIONS
from emoedge.report.emotionml import EMOTIONML_NAMESPACE

EMO = f"{{{EMOTIONML_NAMESPACE}}}"


def test_csv_has_a_line_a_moment(made, source):
    rows = list(csv.DictReader(io.StringIO(made["csv"].decode())))
    assert len(rows) == len(source.data.emotions)
    happy = rows[round(8 / source.data.step_s)]
    assert happy["emotion"] == "happiness"
    assert happy["time"] == "2026-11-22T09:30:08.000Z"
    assert float(happy["fused_happiness"]) == pytest.approx(
        float(source.data.curves["fused"].values[round(8 / source.data.step_s), 3]), abs=0.001
    )
    gone = rows[round(12 / source.data.step_s)]
    assert (gone["emotion"], gone["fused_happiness"], gone["face_quality"]) == ("", "", "")


def test_json_is_whole(made, source):
    value = json.loads(made["json"])
    assert value["labels"] == list(EMOTIONS)
    assert len(value["curves"]["face"]["probabilities"]) == len(value["emotions"])
    assert value["curves"]["fused"]["probabilities"][round(12 / source.data.step_s)] is None
    assert value["details"]["device"] == "salón"


def test_svg_is_xml_without_addresses(made):
    root = ET.fromstring(made["svg"])
    assert root.tag.endswith("svg")
    text = made["svg"].decode().replace("http://www.w3.org/2000/svg", "")
    assert "http" not in text
    assert "NaN" not in text
    assert "nan" not in text
    for color in COLORS.values():
        assert color in text


def test_png_shows_the_right_colours_in_the_right_places(made, source):
    import cv2

    picture = cv2.imdecode(np.frombuffer(made["png"], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] == 2000

    def color_at(t: float, y: float) -> str:
        x = 2 * (56 + (1000 - 112) * t / source.data.duration_s)
        blue, green, red = picture[round(2 * y), round(x)]
        return f"#{red:02X}{green:02X}{blue:02X}"

    # The band of events lies at 84..102, the stack at 136..286; names are written at the left of a block.
    assert color_at(10.9, 93) == COLORS["happiness"]
    assert color_at(23.9, 93) == COLORS["sadness"]
    assert color_at(12.3, 93) == "#FFFFFF"
    assert color_at(8.0, 200) == COLORS["happiness"]
    assert color_at(12.0, 200) == "#FFFFFF"
    assert color_at(15.0, 215) == COLORS["surprise"]


def test_valence_and_arousal_are_where_there_is_a_posterior(made, source):
    index = round(8 / source.data.step_s)
    values = source.data.curves["face"].values[index]
    valence, arousal = affect(values)
    row = list(csv.DictReader(io.StringIO(made["csv"].decode())))[index]
    assert float(row["face_valence"]) == pytest.approx(valence, abs=0.001)
    assert float(row["face_arousal"]) == pytest.approx(arousal, abs=0.001)
    assert row["text_valence"] == ""
    curve = json.loads(made["json"])["curves"]["face"]
    assert curve["valence"][index] == pytest.approx(valence, abs=0.001)
    assert curve["valence"][round(12 / source.data.step_s)] is None
    root = ET.fromstring(made["emotionml"])
    assert {one.get("name") for one in root.iter(f"{EMO}dimension")} == {"valence", "arousal"}
    assert root.get("dimension-set") == "#emoedge-affect"

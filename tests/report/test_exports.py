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
from emoedge.report.exports import SUFFIXES, export

EMO = f"{{{EMOTIONML_NAMESPACE}}}"


@pytest.fixture(scope="module")
def made(source):
    return {
        kind: export(source.data, source.segment_id, kind, "es")
        for kind in SUFFIXES
        if kind not in ("html", "parquet")
    }


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


def test_elan_keeps_the_order_and_the_references_of_eaf(made, source):
    """What EAFv2.8.xsd asks for: the sequence of children, required attributes, and keys that are there."""
    root = ET.fromstring(made["elan"])
    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LANGUAGE", "CONTROLLED_VOCABULARY"]
    places = [order.index(child.tag) for child in root]
    assert places == sorted(places)
    assert {"AUTHOR", "DATE", "VERSION", "FORMAT"} <= set(root.attrib)
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    types = {kind.get("LINGUISTIC_TYPE_ID") for kind in root.iter("LINGUISTIC_TYPE")}
    languages = {language.get("LANG_ID") for language in root.iter("LANGUAGE")}
    assert {value.get("LANG_REF") for value in root.iter("CVE_VALUE")} <= languages
    ids = [annotation.get("ANNOTATION_ID") for annotation in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(ids) == len(set(ids))
    for tier in root.iter("TIER"):
        assert tier.get("LINGUISTIC_TYPE_REF") in types
        at = 0
        for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
            first, last = slots[annotation.get("TIME_SLOT_REF1")], slots[annotation.get("TIME_SLOT_REF2")]
            assert at <= first < last
            at = last
    events = [
        (slots[a.get("TIME_SLOT_REF1")], a.findtext("ANNOTATION_VALUE"))
        for a in root.find("TIER[@TIER_ID='events']").iter("ALIGNABLE_ANNOTATION")
    ]
    assert events[0] == (4500, "happiness")
    assert root.find("HEADER/MEDIA_DESCRIPTOR").get("RELATIVE_MEDIA_URL") == f"./{source.segment_id}.mp4"


def test_emotionml_is_what_the_recommendation_says(made, source):
    root = ET.fromstring(made["emotionml"])
    assert (root.tag, root.get("version")) == (f"{EMO}emotionml", "1.0")
    vocabulary = root.find(f"{EMO}vocabulary")
    assert root.get("category-set") == f"#{vocabulary.get('id')}"
    names = [item.get("name") for item in vocabulary]
    assert names == list(EMOTIONS)
    traced = 0
    for emotion in root.iter(f"{EMO}emotion"):
        assert int(emotion.get("start")) < int(emotion.get("end"))
        categories = emotion.findall(f"{EMO}category")
        assert categories
        assert len({category.get("name") for category in categories}) == len(categories)
        for category in categories:
            assert category.get("name") in names
            assert 0 <= float(category.get("confidence", 0)) <= 1
            trace = category.find(f"{EMO}trace")
            if trace is not None:
                traced += 1
                assert trace.get("freq").endswith("Hz")
                assert "value" not in category.attrib, "a category has a value or a trace, not both"
                assert all(0 <= float(sample) <= 1 for sample in trace.get("samples").split())
        assert emotion.find(f"{EMO}reference").get("uri").startswith(f"{source.segment_id}.mp4#t=")
    assert traced >= 7 * 4


def test_elan_has_a_tier_for_each_modality_and_for_certainty(made, source):
    root = ET.fromstring(made["elan"])
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")}
    tiers = {
        tier.get("TIER_ID"): [
            (
                slots[one.get("TIME_SLOT_REF1")],
                slots[one.get("TIME_SLOT_REF2")],
                one.findtext("ANNOTATION_VALUE"),
            )
            for one in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        for tier in root.iter("TIER")
    }
    assert {"events", "emotion", "face", "voice", "text", "words"} <= tiers.keys()
    for name, sure in (("emotion", "certainty"), ("events", "events-certainty"), ("face", "face-certainty")):
        assert [span[:2] for span in tiers[name]] == [span[:2] for span in tiers[sure]]
        assert all(0 <= float(value) <= 1 for _, _, value in tiers[sure])
    assert tiers["events-certainty"][0] == (4500, 11200, "0.86")
    assert {value for _, _, value in tiers["voice"]} == {"happiness", "sadness"}


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

"""EmotionML as the recommendation has it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from emoedge.emotions import EMOTIONS

from .test_exports import EMO


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

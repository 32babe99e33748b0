"""ELAN: order and references of EAF, a tier for each modality."""

from __future__ import annotations

from xml.etree import ElementTree as ET


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

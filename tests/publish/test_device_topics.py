"""The topics of one device."""

from __future__ import annotations

import paho.mqtt.client as mqtt

from emoedge.publish.device_topics import DeviceTopics

TOPICS = DeviceTopics("emoedge/sala", ("homeassistant/status",))


def test_every_single_topic_is_one_of_the_subscriptions():
    assert len(TOPICS.single) > 5
    for topic in TOPICS.single:
        assert any(mqtt.topic_matches_sub(one, topic) for one in TOPICS.subscriptions), topic
        assert "+" not in topic
    assert TOPICS.echo in TOPICS.single


def test_a_topic_names_its_control():
    assert TOPICS.control_of(TOPICS.of("control/privacy/set")) == "privacy"


def test_privacy_holds_back_all_but_names_of_files():
    assert not TOPICS.is_about_people(TOPICS.of("recording"))
    for suffix in ("event", "text", "voice", "snapshot"):
        assert TOPICS.is_about_people(TOPICS.of(suffix))

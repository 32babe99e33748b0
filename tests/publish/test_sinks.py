"""The file-based twin of the publisher."""

from __future__ import annotations

import io
import json

from emoedge.publish.sinks import JsonLinesSink

from .samples import builder, every_message


def run() -> str:
    stream = io.StringIO()
    sink = JsonLinesSink(stream, "emoedge/living-room")
    sink.start()
    for message in every_message(builder(media_times=True, transcript=True)):
        sink.publish(message)
    sink.publish(builder().control("privacy", "ON", 1.0))
    sink.stop()
    assert sink.health()[0].figures["messages"] == stream.getvalue().count("\n")
    return stream.getvalue()


def test_one_line_a_message_with_the_full_topic():
    lines = [json.loads(line) for line in run().splitlines()]
    assert all(list(line) == ["topic", "payload"] for line in lines)
    assert lines[0]["topic"] == "emoedge/living-room/emotion"
    assert lines[0]["payload"]["time_s"] == 12.5
    assert lines[-1] == {"topic": "emoedge/living-room/control/privacy", "payload": "ON"}
    assert "qué alegría verte" in run()


def test_two_runs_are_equal_byte_for_byte():
    assert run() == run()

"""Every payload against its schema; values, times and bytes as the contract says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.clock import MediaClock
from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.health import Health
from emoedge.observations import Box, FaceObservation, FacesObservation, VoiceObservation
from emoedge.outcomes import HealthReport, RecordingChange
from emoedge.publish import schemas
from emoedge.publish.control import Rejection, parse_command
from emoedge.publish.messages import QUOTED_CHARACTERS, MessageBuilder, mark_late, quote, to_json
from emoedge.publish.payloads import PAYLOADS
from emoedge.translation import tr

from .samples import (
    BEGIN,
    CALM,
    END,
    FACES,
    HAPPY,
    HEALTH,
    NOBODY,
    STATE,
    TEXT,
    VOICE,
    builder,
    every_message,
)


@cache
def validator(suffix: str) -> jsonschema.Draft202012Validator:
    """Of the committed file."""
    schema = json.loads((schemas.DIRECTORY / schemas.file_name(suffix)).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def validate(suffix: str, payload: object) -> None:
    """Raise where the payload is not what the schema says."""
    validator(suffix).validate(payload)


def test_committed_schemas_are_up_to_date():
    on_disk = {path.name for path in Path(schemas.DIRECTORY).glob("*.json")}
    assert on_disk == {schemas.file_name(suffix) for suffix in PAYLOADS}
    for path, text in schemas.generate():
        assert path.read_text() == text, "run: python -m emoedge.publish.schemas"


@pytest.mark.parametrize("media_times", [False, True])
@pytest.mark.parametrize("transcript", [False, True])
def test_every_message_validates(media_times, transcript):
    messages = every_message(builder(media_times=media_times, transcript=transcript))
    assert {message.suffix for message in messages} == set(PAYLOADS)
    for message in messages:
        payload = json.loads(message.encode())
        validate(message.suffix, payload)
        assert list(payload)[:3] == ["schema", "device", "time"]
        assert payload["schema"] == (2 if message.suffix == "emotion" else 1)
        assert payload["device"] == "living-room"
        assert payload["clock_synced"] is False
        assert ("time_s" in payload) == media_times


def test_a_line_has_the_full_topic_and_the_payload():
    for message in [*every_message(builder(media_times=True)), builder().control("privacy", "ON", 1.0)]:
        line = message.line("emoedge/living-room")
        assert line.endswith("\n")
        assert json.loads(line) == {
            "topic": f"emoedge/living-room/{message.suffix}",
            "payload": message.payload,
        }


def test_schema_refuses_what_is_not_in_the_contract():
    payload = builder().outcome(BEGIN).payload
    for change in ({"emotion": "joy"}, {"time": "2026-11-22 09:10"}, {"extra": 1}, {"schema": "1"}):
        with pytest.raises(jsonschema.ValidationError):
            validate("event", payload | change)
    with pytest.raises(jsonschema.ValidationError):
        validate("event", {key: value for key, value in payload.items() if key != "id"})


def test_equal_input_gives_equal_bytes():
    first = [message.encode() for message in every_message(builder(media_times=True))]
    second = [message.encode() for message in every_message(builder(media_times=True))]
    assert first == second


def test_retained_and_spooled_as_the_contract_says():
    flags = {message.suffix: (message.retain, message.spool) for message in every_message(builder())}
    assert flags == {
        "emotion": (True, False),
        "summary": (True, False),
        "event": (False, True),
        "face": (False, False),
        "voice": (False, True),
        "text": (False, True),
        "health": (True, False),
        "recording": (False, True),
        "snapshot": (False, False),
        "picture": (True, False),
        "control/error": (False, False),
    }


def test_emotion_payload():
    payload = builder(media_times=True).outcome(STATE).payload
    assert payload["time"] == "1970-01-01T00:00:12.500Z"
    assert payload["since"] == "1970-01-01T00:00:11.700Z"
    assert payload["since_s"] == 11.7
    assert payload["emotion"] == "happiness"
    assert payload["confidence"] == 0.56
    assert list(payload["probabilities"]) == list(EMOTIONS)
    assert payload["probabilities"]["happiness"] == 0.56
    assert payload["modalities"]["face"]["age_ms"] == 100
    assert payload["modalities"]["voice"]["age_ms"] == 600
    assert payload["modalities"]["voice"]["emotion"] == "neutral"
    assert payload["modalities"]["voice"]["reliability"] == 0.8
    assert payload["modalities"]["text"] is None
    assert payload["latency_ms"] == 160
    assert payload["decided_by"] == "fusion"


def test_nobody_is_null_not_absent():
    payload = builder().outcome(NOBODY).payload
    for key in ("emotion", "confidence", "probabilities", "valence", "arousal", "decided_by", "latency_ms"):
        assert payload[key] is None
    assert payload["certain"] is False
    assert payload["modalities"] == {"face": None, "voice": None, "text": None}
    assert payload["reason"] == "nobody"


def test_event_begin_and_end():
    begin = builder(media_times=True).outcome(BEGIN).payload
    assert (begin["type"], begin["ended"], begin["ended_s"], begin["recording"]) == (
        "begin",
        None,
        None,
        None,
    )
    assert begin["time"] == begin["started"] == "1970-01-01T00:00:11.700Z"
    end = builder(media_times=True).outcome(replace(END, recording="segment")).payload
    assert end["time"] == end["ended"] == "1970-01-01T00:00:15.250Z"
    assert (end["started_s"], end["ended_s"], end["recording"]) == (11.7, 15.25, "segment")
    assert begin["id"] == end["id"]


def test_faces():
    message = builder().outcome(FACES)
    first, second = message.payload["faces"]
    assert first["box"] == {"x": 0.31, "y": 0.2, "width": 0.25, "height": 0.4}
    assert (first["id"], first["emotion"], first["primary"], first["quality"]) == (3, "happiness", True, 0.83)
    assert (second["emotion"], second["probabilities"]) == (None, None)
    assert second["quality_reasons"] == ["small"]
    assert builder().outcome(FacesObservation(1.0, ())).payload["faces"] == []


def test_voice_and_silence():
    payload = builder().outcome(VOICE).payload
    assert (payload["start"], payload["end"]) == ("1970-01-01T00:00:09.200Z", "1970-01-01T00:00:11.900Z")
    assert (payload["duration"], payload["snr_db"], payload["level_dbfs"]) == (2.7, 17.3, -24.0)
    silent = builder().outcome(VoiceObservation(0, 1, None, float("inf"), float("-inf"))).payload
    assert (silent["snr_db"], silent["level_dbfs"], silent["emotion"]) == (None, None, None)


def test_transcript_only_where_asked_for():
    assert "alegría" not in builder().outcome(TEXT).encode().decode()
    assert "transcript" not in builder().outcome(TEXT).payload
    assert builder(transcript=True).outcome(TEXT).payload["transcript"] == "qué alegría verte"


def test_health_is_as_bad_as_its_worst_part():
    payload = builder().outcome(HealthReport(30.0, 29.5, HEALTH)).payload
    assert payload["state"] == "failed"
    assert payload["parts"]["camera"] == {
        "state": "ok",
        "reason": "",
        "reason_text": "",
        "figures": {"fps": 14.98, "dropped": 2},
    }
    off = (Health("camera", "off"), Health("microphone", "ok", figures={"bad": float("nan")}))
    payload = builder().outcome(HealthReport(30.0, 29.5, off)).payload
    assert payload["state"] == "ok"
    assert payload["parts"]["microphone"]["figures"] == {"bad": None}


@given(st.lists(st.floats(0, 1), min_size=7, max_size=7).filter(lambda values: sum(values) > 1e-3))
def test_rounded_probabilities_still_sum_to_one(values):
    vector = as_probabilities(np.array(values) / sum(values))
    faces = FacesObservation(0.0, (FaceObservation(1, Box(0, 0, 1, 1), vector, 1.0, primary=True),))
    rounded = builder().outcome(faces).payload["faces"][0]["probabilities"]
    assert abs(sum(rounded.values()) - 1) <= 1e-3
    assert all(value == round(value, 4) for value in rounded.values())


@given(
    x=st.floats(),
    width=st.floats(),
    quality=st.floats(),
    snr=st.floats(),
    confidence=st.floats(),
    duration=st.floats(-1, 1e6),
)
def test_no_number_breaks_a_payload(x, width, quality, snr, confidence, duration):
    build = builder()
    faces = FacesObservation(0.0, (FaceObservation(1, Box(x, 0, width, 1), HAPPY, quality),))
    event = type(BEGIN)("begin", "id", "fear", 1.0, None, confidence)
    for message in (
        build.outcome(faces),
        build.outcome(VoiceObservation(0, 1, CALM, snr, snr)),
        build.outcome(event),
        build.outcome(RecordingChange("finished", "id", 1.0, duration_s=duration)),
    ):
        validate(message.suffix, json.loads(message.encode()))


@given(st.text(max_size=300))
def test_quote_is_short_printable_and_json(text):
    shown = quote(text)
    assert len(shown) <= QUOTED_CHARACTERS
    assert shown.isprintable()
    assert json.loads(to_json({"value": shown}))["value"] == shown


@pytest.mark.parametrize(
    ("payload", "shown"),
    [(b"\xff\xfe\n", r"\xff\xfe\n"), (b"a\\b", "a\\b"), ("año\0".encode(), r"año\x00")],
)
def test_what_is_no_text_is_escaped_once(payload, shown):
    assert quote(payload.decode("utf-8", "backslashreplace")) == shown


def test_the_start_stays_the_same_over_small_corrections_of_the_clock():
    """Each step of a millisecond would be a row in a recorder, twice a minute."""
    clock = MediaClock(time_s=100.0)
    build = MessageBuilder("living-room", clock)
    told = []
    for correction_s in (0.0, 0.004, 1.9, 3600.0, 3600.5):
        clock.origin = MediaClock().origin + timedelta(seconds=correction_s)
        told.append(build.outcome(HealthReport(100.0, 40.0, HEALTH)).payload["started"])
    assert told == ["1970-01-01T00:01:00.000Z"] * 3 + ["1970-01-01T01:01:00.000Z"] * 2


def test_the_reason_is_english_and_its_text_in_the_language():
    reason = tr("the processor is hot: improve the cooling")
    report = HealthReport(1.0, 1.0, (Health("machine", "degraded", reason),))
    for language, text in (
        ("es", "el procesador está caliente: mejore la refrigeración"),
        ("en", str(reason)),
    ):
        message = MessageBuilder("d", MediaClock(), language=language).outcome(report)
        part = json.loads(message.encode())["parts"]["machine"]
        assert part["reason"] == "the processor is hot: improve the cooling"
        assert part["reason_text"] == text


def test_a_refusal_and_a_failed_recording_are_told_in_the_language():
    refused = parse_command("margin", b"lots")
    assert isinstance(refused, Rejection)
    for language, words in (
        ("en", refused.reason),
        ("es", "se esperaba un número de 0 a 1 con punto decimal"),
    ):
        build = MessageBuilder("sala", MediaClock(), language=language)  # type: ignore[arg-type]
        payload = json.loads(build.control_error("margin", "lots", refused.reason).encode())
        assert (payload["reason"], payload["reason_text"]) == (str(refused.reason), words)
    build = MessageBuilder("sala", MediaClock())
    failed = RecordingChange("failed", "20261122T091000-2", 21.0, reason=tr("recording is off"))
    payload = json.loads(build.outcome(failed).encode())
    assert (payload["reason"], payload["reason_text"]) == (
        "recording is off",
        "la grabación está desactivada",
    )


PARTS = st.lists(
    st.builds(
        Health,
        st.text("abcdefgh", min_size=1, max_size=8),
        st.sampled_from(["ok", "off", "degraded", "failed"]),
        st.text(max_size=300),
        figures=st.dictionaries(st.text("xyz", min_size=1, max_size=3), st.integers(0, 10**6), max_size=4),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda part: part.name,
)


@given(PARTS, st.integers(0, 4000))
def test_faults_are_left_out_of_a_limited_health_last(parts, max_bytes):
    message = builder().outcome(HealthReport(30.0, 29.5, tuple(parts)))
    whole, sent = json.loads(message.encode()), json.loads(data := message.encode(max_bytes))
    if len(message.encode()) <= max_bytes:
        assert sent == whole
        return
    validate("health", sent)
    assert len(data) < len(message.encode()) or not any(part.figures for part in parts)
    assert {name: value for name, value in sent.items() if name != "parts"} == {
        name: value for name, value in whole.items() if name != "parts"
    }
    bad = {name for name, part in whole["parts"].items() if part["state"] in ("degraded", "failed")}
    assert bad <= set(sent["parts"]) <= set(whole["parts"])
    for name, part in sent["parts"].items():
        before = whole["parts"][name]
        assert part["state"] == before["state"]
        assert before["reason"].startswith(part["reason"])
        assert part["figures"] in ({}, before["figures"])
    if any(part["figures"] for part in sent["parts"].values()):
        assert all(sent["parts"][name]["figures"] == whole["parts"][name]["figures"] for name in bad)
    if set(sent["parts"]) != set(whole["parts"]):
        assert set(sent["parts"]) == bad


def test_what_health_leaves_out_first():
    figures = {"number": 123456}
    report = HealthReport(
        30.0,
        29.5,
        (Health("good", "ok", figures=figures), Health("bad", "failed", "reason " * 60, figures=figures)),
    )
    message = builder().outcome(report)
    whole = json.loads(message.encode())["parts"]
    seen, max_bytes = [], len(message.encode())
    while max_bytes > 0:
        data = message.encode(max_bytes)
        if (parts := json.loads(data)["parts"]) not in seen:
            seen.append(parts)
        max_bytes = min(max_bytes, len(data)) - 1
    assert seen[0] == whole
    assert seen[1] == whole | {"good": whole["good"] | {"figures": {}}}
    assert seen[2] == {name: part | {"figures": {}} for name, part in whole.items()}
    assert seen[3] == {"bad": whole["bad"] | {"figures": {}}}
    ends = [parts["bad"]["reason"] for parts in seen[3:]]
    assert len(ends) > 2
    assert ends == sorted(ends, key=len, reverse=True)
    assert all(list(parts) == ["bad"] and whole["bad"]["reason"].startswith(ends[-1]) for parts in seen[3:])


def test_only_health_is_shortened():
    for message in every_message(builder()):
        assert message.suffix == "health" or message.encode(10) == message.encode()


def test_a_picture_travels_as_it_is():
    message = builder().image(b"\xff\xd8jpeg", 1.5)
    assert (message.suffix, message.encode(), message.encode(1)) == ("image", *[b"\xff\xd8jpeg"] * 2)
    assert not message.retain
    assert not message.spool
    assert not message.is_end


def test_the_builder_with_words_says_them():
    plain = builder(media_times=True)
    with_words = plain.with_words().outcome(TEXT)
    assert "transcript" not in plain.outcome(TEXT).payload
    assert with_words.payload == plain.outcome(TEXT).payload | {"transcript": TEXT.transcript}


def test_only_the_head_of_a_spooled_message_becomes_late():
    data = builder().outcome(END).encode()
    assert data.count(b'"late":false') == 1
    hostile = data[:-1] + b',"note":"\\"late\\":false","late":false}'
    late = mark_late(hostile)
    assert late.count(b'"late":true') == 1
    assert late.endswith(b'"late":false}')
    assert json.loads(mark_late(data)) == json.loads(data) | {"late": True}

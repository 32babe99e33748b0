"""Commands from outside: accepted forms, refusals with reasons, and hostile input."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.clock import MediaClock
from emoedge.config import Settings
from emoedge.publish.command_queue import CommandQueue
from emoedge.publish.control import (
    CONTROL_NAMES,
    MAX_RECORD_S,
    RECORDING_MODES,
    Command,
    Rejection,
    RejectionLimiter,
    parse_command,
    state_text,
)
from emoedge.publish.messages import QUOTED_CHARACTERS, MessageBuilder
from emoedge.supervise.overrides import Overrides, OverrideStore

from .samples import builder


@pytest.mark.parametrize(
    ("name", "payload", "value"),
    [
        ("privacy", b"ON", True),
        ("privacy", b"off\n", False),
        ("record", b"ON", True),
        ("record", b"OFF", False),
        ("record", b"90", 90.0),
        ("record", b"0.5", 0.5),
        ("recording_mode", b"continuous", "continuous"),
        ("face_weight", b"0", 0.0),
        ("face_weight", b"1.0", 1.0),
        ("margin", b" 0.25 ", 0.25),
        ("snapshot", b"PRESS", True),
    ],
)
def test_accepted(name, payload, value):
    command = parse_command(name, payload)
    assert command == Command(name, value)
    assert type(command.value) is type(value)


@pytest.mark.parametrize(
    ("name", "payload", "reason"),
    [
        ("privacy", b"1", "ON or OFF"),
        ("privacy", b"true", "ON or OFF"),
        ("privacy", b'{"state":"ON"}', "ON or OFF"),
        ("record", b"0", "seconds"),
        ("record", b"-5", "seconds"),
        ("record", b"1e9", "seconds"),
        ("record", b"3600.1", "seconds"),
        ("record", b"999999", "seconds"),
        ("recording_mode", b"Events", "one of off"),
        ("face_weight", b"1.01", "0 to 1"),
        ("face_weight", b"nan", "0 to 1"),
        ("face_weight", b"inf", "0 to 1"),
        ("face_weight", b"-0.0", "0 to 1"),
        ("face_weight", b"0,6", "decimal point"),
        ("face_weight", b"0x1", "0 to 1"),
        ("face_weight", b"0_1", "0 to 1"),
        ("margin", "٠".encode(), "0 to 1"),
        ("margin", b"[" * 1_000_000, "longer than"),
        ("margin", b"\xff\xfe", "0 to 1"),
        ("margin", b"0.1\x00", "0 to 1"),
        ("snapshot", b"ON", "PRESS"),
        ("reboot", b"ON", "unknown control"),
        ("", b"ON", "unknown control"),
        ("x" * 60_000, b"ON", "unknown control"),
    ],
)
def test_refused_with_the_reason(name, payload, reason):
    rejection = parse_command(name, payload)
    assert isinstance(rejection, Rejection)
    assert reason in rejection.reason
    assert len(rejection.value) <= QUOTED_CHARACTERS
    assert len(rejection.name) <= QUOTED_CHARACTERS


def test_empty_payload_is_no_command():
    assert all(parse_command(name, b"") is None for name in (*CONTROL_NAMES, "reboot"))


def test_retained_commands_are_standing_orders_for_settings_only():
    assert parse_command("privacy", b"ON", retained=True) == Command("privacy", True)
    assert parse_command("margin", b"0.1", retained=True) == Command("margin", 0.1)
    for name, payload in (("record", b"ON"), ("snapshot", b"PRESS")):
        rejection = parse_command(name, payload, retained=True)
        assert isinstance(rejection, Rejection)
        assert "retain" in rejection.reason


BUILD = builder()


def assert_sound(name: str, payload: bytes) -> None:
    """Either nothing, a short answer, or a value within its limits."""
    result = parse_command(name, payload)
    if result is None:
        assert payload == b""
    elif isinstance(result, Rejection):
        message = BUILD.control_error(result.name, result.value, result.reason)
        assert len(message.encode()) < 1500
        assert json.loads(message.encode())["reason"] == result.reason
    elif result.name in ("privacy", "snapshot"):
        assert isinstance(result.value, bool)
    elif result.name == "record":
        assert isinstance(result.value, bool) or 0 < result.value <= MAX_RECORD_S
    elif result.name == "recording_mode":
        assert result.value in RECORDING_MODES
    else:
        assert 0 <= result.value <= 1
        assert parse_command(name, state_text(result.value).encode()) is not None


NAMES = st.one_of(st.sampled_from(CONTROL_NAMES), st.text(max_size=20))
NUMBERS = st.floats().map(lambda value: str(value).encode())
NESTED = st.tuples(st.integers(0, 30), st.sampled_from(["[", '{"a":', '{"value":'])).map(
    lambda pair: (pair[1] * pair[0] + "1").encode()
)
PAYLOADS = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    NUMBERS,
    NESTED,
    st.sampled_from([b"ON", b"OFF", b"PRESS", b"events", b"0.5", b"+1", b".5", b"1.", b"1e-3", b"0" * 32]),
)


@settings(max_examples=2_000, deadline=None)
@given(NAMES, PAYLOADS)
def test_hostile_input(name, payload):
    assert_sound(name, payload)


SEEDS = [b"ON", b"OFF", b"PRESS", b"off", b"manual", b"events", b"continuous", b"0", b"1", b"0.6", b"3600"]
SEEDS += [
    b"nan",
    b"-inf",
    b"1e3",
    b"0x1",
    b"1_0",
    b'{"value":0.5}',
    b"[[[[",
    b"null",
    "٣".encode(),
    b"\xff\xfe",
]


def mutated(random: Random, seed: bytes) -> bytes:
    """Bytes changed, put in, taken out, doubled or joined, as a byte-wise fuzzer does."""
    data = bytearray(seed)
    for _ in range(random.randrange(4)):
        at = random.randrange(len(data) + 1)
        change = random.randrange(6)
        if change == 0:
            data[at:at] = random.randbytes(random.randrange(1, 5))
        elif change == 1:
            del data[at : at + random.randrange(1, 4)]
        elif change == 2 and at < len(data):
            data[at] ^= 1 << random.randrange(8)
        elif change == 3:
            data += random.choice(SEEDS)
        elif change == 4:
            data *= random.randrange(1, 40)
        else:
            data[at:at] = random.choice([b"\x00", b"\n", b" ", b".", b"-", b"+", b",", b"e", "é".encode()])
    return bytes(data)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_hostile_input_at_length():
    """100,000 inputs, mutations of good and bad ones; the seed makes a finding repeatable."""
    random = Random(20261122)
    accepted = 0
    for _ in range(100_000):
        known = random.random() < 0.9
        name = random.choice(CONTROL_NAMES) if known else mutated(random, b"margin").decode("latin-1")
        payload = mutated(random, random.choice(SEEDS))
        assert_sound(name, payload)
        accepted += isinstance(parse_command(name, payload), Command)
    # Both ways must have been taken often, or the test says nothing.
    assert 2_000 < accepted < 50_000


def test_answers_are_limited_and_counted():
    limiter = RejectionLimiter(1.0)
    assert [limiter.admit(t / 10) for t in range(11)] == [0, *[None] * 9, 9]


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "ON"), (False, "OFF"), (0.6, "0.6"), (1.0, "1"), (0.0, "0"), (1 / 3, "0.3333"), ("off", "off")],
)
def test_state_text(value, text):
    assert state_text(value) == text


def test_overrides_survive_and_apply(tmp_path):
    store = OverrideStore(tmp_path / "state")
    overrides = store.load()
    assert overrides == Overrides()
    for command in (
        Command("privacy", True),
        Command("margin", 0.05),
        Command("recording_mode", "off"),
        Command("record", 5.0),
        Command("snapshot", True),
    ):
        overrides = overrides.after(command)
    store.save(overrides)
    kept = OverrideStore(tmp_path / "state").load()
    assert kept == Overrides(privacy=True, margin=0.05, recording_mode="off")
    in_force = kept.apply(Settings())
    assert (in_force.fusion.margin, in_force.fusion.face_weight) == (0.05, Settings().fusion.face_weight)
    assert in_force.recording.mode == "off"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"margin": 7}', b"\xff", b"[" * 60_000, b" " * 100_000]
)
def test_damaged_overrides_are_put_aside_and_mean_privacy(tmp_path, content):
    store = OverrideStore(tmp_path)
    store.path.write_bytes(content)
    assert store.load() == Overrides(privacy=True)
    assert store.load() == Overrides(privacy=True), "and so it stays, over restarts"
    assert store.path.with_name("state.json.damaged").read_bytes() == content
    store.save(Overrides(margin=0.5))
    assert store.load() == Overrides(margin=0.5)


def test_unreadable_overrides_mean_privacy(tmp_path):
    store = OverrideStore(tmp_path)
    store.path.mkdir()
    assert store.load() == Overrides(privacy=True)


def test_a_refused_payload_is_escaped_once_in_the_log(caplog):
    sent = []
    desk = CommandQueue(MessageBuilder("d", MediaClock()), sent.append)
    desk.take("margin", b"\xff\xfe\n", retained=False)
    assert r'= "\xff\xfe\n": expected' in caplog.text
    assert json.loads(sent[0].encode())["value"] == r"\xff\xfe\n"
    assert "\n" not in caplog.records[0].getMessage()

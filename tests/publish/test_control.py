"""Commands from outside: accepted forms, refusals with reasons, and hostile input."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.publish.command_queue import CommandQueue
from emoedge.publish.control import (
    CONTROL_NAMES,
    MAX_RECORD_S,
    RECORDING_MODES,
    Command,
    Refusals,
    Rejection,
    parse_command,
    state_text,
)
from emoedge.publish.messages import QUOTED_CHARACTERS

from .conftest import until
from .samples import builder


@pytest.mark.parametrize(
    ("name", "payload", "value"),
    [
        ("privacy", b"ON", True),
        ("privacy", b"off\n", False),
        ("privacy", b"ON 3600", 3600.0),
        ("privacy", b"on 1.5\n", 1.5),
        ("privacy", b"ON 604800", 604_800.0),
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
        ("privacy", b"ON 0", "ON 3600"),
        ("privacy", b"ON 0.9", "seconds"),
        ("privacy", b"ON 604801", "at most 604800"),
        ("privacy", b"ON -5", "seconds"),
        ("privacy", b"ON 1e3", "seconds"),
        ("privacy", b"ON nan", "seconds"),
        ("privacy", "ON ٣".encode(), "seconds"),
        ("privacy", b"ON3600", "seconds"),
        ("privacy", b"ON  5 5", "seconds"),
        ("privacy", b"OFF 5", "seconds"),
        ("privacy", b"3600", "seconds"),
        ("record", b"0", "seconds"),
        ("record", b"0.01", "seconds, from 0.5 to 3600"),
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


@pytest.mark.parametrize("name", ["privacy", "margin"])
def test_a_message_that_is_too_large_is_refused_and_privacy_only_where_commands_no_longer_arrive(name):
    carried_out: list[Command] = []
    commands = CommandQueue(builder(), lambda _message: None)
    commands.handler = carried_out.append
    commands.start()
    commands.take_oversized(name, was_received=True)
    commands.take(name, b"x" * 256, retained=False)  # its beginning
    until(lambda: commands.refused == 1, "refused")
    assert carried_out == []
    commands.take_oversized(name, was_received=False)
    until(lambda: carried_out or commands.refused == 2, "answered")
    assert carried_out == ([Command("privacy", True)] if name == "privacy" else [])
    commands.stop()


def test_retained_commands_are_standing_orders_for_settings_only():
    assert parse_command("privacy", b"ON", retained=True) == Command("privacy", True)
    assert parse_command("margin", b"0.1", retained=True) == Command("margin", 0.1)
    for name, payload in (
        ("record", b"ON"),
        ("record", b"OFF"),
        ("snapshot", b"PRESS"),
        ("privacy", b"OFF"),
        ("privacy", b" off\n"),
    ):
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
        assert isinstance(result.value, bool) or 0 < float(result.value) <= MAX_RECORD_S
    elif result.name == "recording_mode":
        assert result.value in RECORDING_MODES
    else:
        assert 0 <= float(result.value) <= 1
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


def test_answers_are_limited_per_control_and_none_is_uncounted():
    refusals = Refusals(1.0)
    assert refusals.due_in_s(0.0) is None
    answers = []
    for tenth in range(10):
        refusals.add(Rejection("margin", str(tenth), "bad"))
        answers += refusals.due(tenth / 10)
    refusals.add(Rejection("privacy", "maybe", "bad"))
    answers += refusals.due(0.95)
    assert [(one.name, one.value, count) for one, count in answers] == [
        ("margin", "0", 0),
        ("privacy", "maybe", 0),
    ]
    assert refusals.due_in_s(0.95) == pytest.approx(0.05)
    ((newest, count),) = refusals.due(1.0)
    assert (newest.value, count) == ("9", 8), "1 answered before, 8 counted, the newest answered"
    assert refusals.due_in_s(1.0) is None


def test_invented_names_do_not_fill_memory():
    refusals = Refusals()
    for number in range(1_000):
        refusals.add(Rejection(f"x{number}", "ON", "unknown control"))
    ((newest, count),) = refusals.due(0.0)
    assert (newest.name, count) == ("x999", 999)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "ON"), (False, "OFF"), (0.6, "0.6"), (1.0, "1"), (0.0, "0"), (1 / 3, "0.3333"), ("off", "off")],
)
def test_state_text(value, text):
    assert state_text(value) == text

"""All together: what is told, and that one broken check does not hide the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from emoedge.config import Settings
from emoedge.doctor.checks import CHECKS, run_checks
from emoedge.doctor.result import CheckResult
from emoedge.errors import DeviceError
from emoedge.translation import Phrase
from faults.surroundings import free_port

Make = Callable[..., Settings]


def test_everything_is_looked_at(make_settings: Make) -> None:
    told: list[str] = []
    settings = make_settings(face={"enabled": False}, voice={"enabled": False}, speech={"enabled": False})
    results = run_checks(settings, told.append)
    assert told == [name for name, _ in CHECKS]
    assert [result for result in results if result.state == "failed"] == []
    assert {"camera", "microphone", "inference", "broker", "recordings", "state", "clock", "board"} <= {
        result.name for result in results
    }


def test_every_failure_has_a_remedy(make_settings: Make) -> None:
    settings = make_settings(
        camera={"source": "/dev/nothing"},
        microphone={"source": "file:/nothing.wav"},
        recording={"dir": "/proc/self", "encoder": "none_such"},
        speech={"model": "no-such-model"},
    )
    results = run_checks(settings)
    failures = {result.name for result in results if result.state == "failed"}
    assert {"camera", "microphone", "recordings", "encoder", "model no-such-model"} <= failures
    assert [result for result in results if (result.state == "ok") == bool(result.remedy)] == []


def texts_in(value: object) -> Iterator[str]:
    """What a sentence is made of that is in no catalogue."""
    if not isinstance(value, Phrase):
        yield str(value)
        return
    for inner in value.values.values():
        yield from texts_in(inner)


def test_what_is_found_is_in_the_language_down_to_its_last_word(make_settings: Make) -> None:
    """No part of a sentence is English: paths, addresses and names of programs apart."""
    results = run_checks(
        make_settings(
            camera={"source": "/dev/nothing"},
            microphone={"source": "file:/nothing.wav"},
            recording={"dir": "/proc/self", "encoder": "none_such"},
            speech={"model": "no-such-model"},
            mqtt={"enabled": True, "host": "127.0.0.1", "port": free_port(), "tls": True},
        )
    )
    failures = [result for result in results if result.state == "failed"]
    assert {"camera", "microphone", "recordings", "encoder", "broker"} <= {one.name for one in failures}
    for result in failures:
        for text in (result.detail, result.remedy):
            assert isinstance(text, Phrase), text
            assert text.in_language("es") != text
            sentences = [one for one in texts_in(text) if re.search(r"[a-z]+ [a-z]+", one)]
            assert sentences == [], text


def test_a_check_that_breaks_is_itself_a_finding(make_settings: Make) -> None:
    def breaks(_settings: Settings) -> Iterator[CheckResult]:
        raise ZeroDivisionError("by nothing")

    def refuses(_settings: Settings) -> Iterator[CheckResult]:
        raise DeviceError("no device", "plug it in")

    def works(_settings: Settings) -> Iterator[CheckResult]:
        yield CheckResult("works", "ok", "fine")

    results = run_checks(make_settings(), checks=(("breaks", breaks), ("refuses", refuses), ("works", works)))
    assert [(result.name, result.state) for result in results] == [
        ("breaks", "failed"),
        ("refuses", "failed"),
        ("works", "ok"),
    ]
    assert "ZeroDivisionError" in results[0].detail
    assert results[1].remedy == "plug it in"

"""The live view, from real messages."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.health import Health
from emoedge.observations import Box, FaceObservation, FacesObservation, TextObservation
from emoedge.outcomes import EmotionEvent, FusedState, HealthReport, ModalityOpinion
from emoedge.watch.lines import disagreement, line_of
from emoedge.watch.subscription import Received, parse
from emoedge.watch.view import WatchState, render


def happy():
    return as_probabilities([0.05, 0.05, 0.05, 0.7, 0.05, 0.05, 0.05])


def fused():
    return FusedState(
        1.0, happy(), "happiness", 0.7, "face", ("happiness",), (ModalityOpinion("face", 1.0, happy()),)
    )


def test_lines_are_in_the_language_asked_for(builder):
    payload = builder.outcome(fused()).payload
    assert "alegría 70 %" in line_of("emotion", payload, "es")
    assert "happiness 70 %" in line_of("emotion", payload, "en")
    nobody = builder.outcome(FusedState(1.0, None, None, 0.0, None, reason="nobody")).payload
    assert "no hay nadie" in line_of("emotion", nobody, "es")
    event = builder.outcome(EmotionEvent("begin", "x", "anger", 0.5, None, 0.8, "segment-1")).payload
    assert "empieza ENFADO -> segment-1" in line_of("event", event, "es")
    said = builder.outcome(TextObservation(0, 1, "qué alegría", happy())).payload
    assert '"qué alegría"' in line_of("text", said, "es")


def test_faces_get_no_line(builder):
    assert line_of("face", {"faces": []}) is None


@pytest.mark.parametrize("width", [80, 200])
def test_the_view_fits_a_terminal(builder, width):
    state = WatchState("es", "sala")
    for message in (
        builder.outcome(fused()),
        builder.outcome(
            HealthReport(
                1.0, 1.0, (Health("camera", "failed", "unplugged: plug it in"), Health("face", "ok"))
            )
        ),
        builder.outcome(EmotionEvent("begin", "x", "anger", 0.5, None, 0.8)),
    ):
        payload = json.loads(message.encode())
        state.apply(Received("sala", message.suffix, payload))
    console = Console(width=width, height=24, force_terminal=False, record=True, file=StringIO())
    console.print(render(state))
    text = console.export_text()
    assert len(text.rstrip().splitlines()) <= 24
    assert "ALEGRÍA" in text
    # The last column is whole: the fused probability of the emotion can be read.
    assert any(line.rstrip(" │").endswith("70 %") for line in text.splitlines() if "alegría" in line)
    assert "unplugged" in text
    for line in text.splitlines():
        assert len(line.rstrip()) <= width


def shown(state, width=80, height=24) -> list[str]:
    console = Console(width=width, height=height, force_terminal=False, record=True, file=StringIO())
    console.print(render(state))
    return console.export_text().splitlines()


def full_state(builder, faces=3, language="es") -> WatchState:
    """Everything at once: three faces, many parts of which some are broken, more events than fit."""
    state = WatchState(language, "sala")
    many = tuple(
        FaceObservation(number, Box(0.1, 0.1, 0.2, 0.2), happy(), 0.5, primary=number == 2)
        for number in range(1, faces + 1)
    )
    parts = [
        Health(name, "ok") for name in ("camera", "microphone", "face", "voice", "text", "recorder", "disk")
    ]
    parts += [Health(name, "failed", "a long reason " * 9) for name in ("broker", "spool", "clock", "cpu")]
    messages = [
        builder.outcome(fused()),
        builder.outcome(FacesObservation(1.0, many)),
        builder.outcome(HealthReport(1.0, 1.0, tuple(parts))),
        builder.outcome(TextObservation(0, 1, "qué alegría " * 20, happy())),
    ]
    messages += [builder.outcome(EmotionEvent("begin", "x", "anger", 0.5, None, 0.8)) for _ in range(30)]
    for message in messages:
        state.apply(Received("sala", message.suffix, json.loads(message.encode())))
    state.apply(Received("sala", "control/record", "ON"))
    state.apply(Received("sala", "control/privacy", "OFF"))
    state.apply(Received("sala", "status", "offline"))
    return state


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 30), (100, 24), (132, 43), (200, 60)])
@pytest.mark.parametrize("language", ["es", "en"])
def test_everything_fits_and_the_keys_stay_on_the_screen(builder, width, height, language):
    lines = shown(full_state(builder, language=language), width, height)
    assert all(len(line) <= width for line in lines)
    # All of the screen is used, and no more: the events get what is left.
    assert len(lines) == height
    assert "q: " + ("salir" if language == "es" else "quit") in lines[-1]
    assert " ON" in lines[-1]
    assert any(line.rstrip(" │").endswith("70 %") for line in lines)


def test_faces_words_and_refusals_are_shown(builder):
    state = full_state(builder)
    lines = shown(state)
    faces = [line for line in lines if line.startswith(" cara ")]
    assert [line.split()[1] for line in faces] == ["2", "1"], "the primary one first"
    assert faces[-1].rstrip().endswith("+ 1")
    assert any("dijo: “qué alegría" in line for line in lines)
    assert "fuera de línea" in lines[0]
    state.apply(Received("sala", "face", {"faces": []}))
    assert any(line.startswith(" caras: 0") for line in shown(state))
    error = {"time": "2026-11-22T09:00:00.000Z", "control": "record", "reason": "the disk is full"}
    state.apply(Received("sala", "control/error", error))
    assert any("rechazado" in line and "the disk is full" in line for line in shown(state)), "an old device"
    state.apply(Received("sala", "control/error", error | {"reason_text": "el disco está lleno"}))
    assert any("rechazado" in line and "el disco está lleno" in line for line in shown(state))


def test_the_end_of_privacy_is_shown(builder):
    state = full_state(builder)
    state.apply(Received("sala", "control/privacy", "ON"))
    state.apply(Received("sala", "control/privacy/until", "2026-11-22T10:10:12.560Z"))
    assert "privacidad ON hasta 2026-11-22 10:10" in shown(state)[-1]
    state.apply(Received("sala", "control/privacy/until", ""))
    assert "hasta" not in shown(state)[-1]


def test_bars_grow_with_the_terminal(builder):
    def longest(width):
        return max(line.count("█") + line.count("░") for line in shown(full_state(builder), width, 30))

    assert longest(80) < longest(120) < longest(160)


def test_an_empty_state_can_be_shown():
    Console(file=StringIO()).print(render(WatchState()))


def test_labels_of_the_bars_are_in_order(builder):
    state = WatchState("en", "sala")
    state.apply(Received("sala", "emotion", json.loads(builder.outcome(fused()).encode())))
    console = Console(width=100, record=True, file=StringIO())
    console.print(render(state))
    text = console.export_text()
    rows = [
        line.split()[1] for line in text.splitlines() if len(line.split()) > 2 and line.split()[1] in EMOTIONS
    ]
    assert rows == list(EMOTIONS)


def test_words_that_do_not_decide_are_explained(builder):
    sad = as_probabilities([0.02, 0.02, 0.02, 0.02, 0.88, 0.02, 0.02])
    opinions = (ModalityOpinion("face", 1.0, happy()), ModalityOpinion("text", 0.8, sad))
    state = FusedState(
        1.0, happy(), "happiness", 0.7, "fusion", ("happiness",), opinions, since_s=0.5, certain=True
    )
    payload = builder.outcome(state).payload
    assert disagreement(payload, "es") == (
        "(las palabras dicen tristeza, y no hay duda que deshacer: se queda alegría)"
    )
    assert "no doubt to settle" in disagreement(payload, "en")
    doubt = replace(state, candidates=("happiness", "surprise"), certain=False)
    assert "give nothing to what is in doubt" in disagreement(builder.outcome(doubt).payload, "en")
    held = replace(doubt, candidates=("sadness", "happiness"))
    assert disagreement(builder.outcome(held).payload, "es") == (
        "(las palabras dicen tristeza: se queda alegría hasta que el cambio dure)"
    )
    earlier = builder.outcome(replace(state, since_s=0.9)).payload
    assert disagreement(earlier, "es") is None, "said before it was named"
    chosen = builder.outcome(replace(state, decided_by="text")).payload
    assert disagreement(chosen, "es") is None
    assert disagreement(builder.outcome(fused()).payload, "es") is None
    received = parse("emoedge", "emoedge/sala/emotion", builder.outcome(state).encode())
    assert disagreement(received.payload, "es") == disagreement(payload, "es")
    for damaged in (
        {"since": "yesterday"},
        {"since": None},
        {"time": 3},
        {"modalities": {"text": {"age_ms": "x"}}},
    ):
        content = json.dumps(payload | damaged).encode()
        disagreement(parse("emoedge", "emoedge/sala/emotion", content).payload, "es")


def emotion_of(builder, **changes):
    return json.loads(builder.outcome(replace(fused(), **changes)).encode())


def test_doubt_is_shown_beside_the_headline_and_the_bars(builder):
    doubtful = as_probabilities([0.02, 0.02, 0.02, 0.44, 0.02, 0.02, 0.46])
    state = WatchState("es", "sala")
    payload = emotion_of(builder, probabilities=doubtful, candidates=("neutral", "happiness"), certain=False)
    state.apply(Received("sala", "emotion", payload))
    lines = shown(state)
    assert "ALEGRÍA 70 %  ? o neutro" in lines[0]
    assert [line.split()[1] for line in lines if line.startswith("│") and "?" in line] == [
        "alegría",
        "neutro",
    ]
    assert "? o neutro" in line_of("emotion", payload, "es")


def test_a_headline_never_stands_alone_against_its_own_bars(builder):
    """What is named is held for a moment after another emotion has come to lead."""
    sad = as_probabilities([0.02, 0.02, 0.02, 0.02, 0.88, 0.02, 0.02])
    state = WatchState("en", "sala")
    held = emotion_of(builder, probabilities=sad, candidates=("happiness",), certain=True)
    state.apply(Received("sala", "emotion", held))
    assert "HAPPINESS 70 %  ? or sadness" in shown(state)[0]
    by_text = emotion_of(
        builder, probabilities=sad, candidates=("happiness",), certain=True, decided_by="text"
    )
    state.apply(Received("sala", "emotion", by_text))
    assert "? or" not in shown(state)[0]


@pytest.mark.parametrize(
    ("suffix", "value", "banner"),
    [("status", "offline", "DESCONECTADO"), ("control/privacy", "ON", "PRIVACIDAD")],
)
def test_a_banner_says_that_values_are_old_and_greys_them(builder, suffix, value, banner):
    state = full_state(builder)
    state.apply(Received("sala", "status", "online"))
    assert banner not in "".join(shown(state))
    state.apply(Received("sala", suffix, value))
    output = StringIO()
    console = Console(width=80, height=24, force_terminal=True, color_system="truecolor", file=output)
    console.print(render(state))
    drawn = output.getvalue()
    assert banner in drawn
    assert not [line for line in drawn.splitlines() if "█" in line and "38;2" in line]


def test_a_device_that_does_not_exist_gets_a_hint():
    state = WatchState("es", "salón")
    assert state.banner == ""
    state.begun_s -= 60
    assert "aún no llega ningún mensaje de salón" in shown(state)[1]
    state.devices = {"cocina": "online", "sala": "offline"}
    assert "aparatos en este bróker: cocina, sala" in state.banner
    state.apply(Received("salón", "status", "online"))
    assert state.banner == ""


def test_events_are_in_the_order_of_their_times(builder):
    state = WatchState("es", "sala")
    for seconds in (5, 2, 9):
        message = builder.outcome(EmotionEvent("begin", "x", "anger", seconds, None, 0.8))
        state.apply(Received("sala", "event", json.loads(message.encode())))
    assert [line[:10] for _, line in state.events] == ["00:00:02.0", "00:00:05.0", "00:00:09.0"]


def test_times_are_local(builder, monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Madrid")
    time.tzset()
    state = WatchState("es", "sala")
    state.apply(Received("sala", "emotion", {"time": "2026-07-01T10:00:00.500Z", "emotion": "anger"}))
    assert "12:00:00.5" in shown(state)[0]


def test_states_have_a_sign_and_parts_a_name_in_the_language(builder):
    text = "\n".join(shown(full_state(builder), 100, 40))
    assert "● cámara" in text
    assert "✖ bróker" in text
    assert "✖ reloj: a long reason" in text

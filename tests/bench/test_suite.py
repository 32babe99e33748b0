"""The result as JSON, as a table, and beside an older one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emoedge.bench import SCHEMA

FIELDS = {
    "schema",
    "made",
    "machine",
    "clip",
    "models",
    "stages",
    "pipeline",
    "memory",
    "start",
    "skipped",
}


# A dozen processes, each loading models: on a machine busy with other things that takes minutes.
pytestmark = pytest.mark.timeout(900)


def test_has_all_parts_and_survives_json(result: dict[str, Any]) -> None:
    assert set(result) == FIELDS
    assert result["schema"] == SCHEMA
    assert result["skipped"] == {}
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_every_engine_is_in_the_sum(result: dict[str, Any]) -> None:
    pipeline = result["pipeline"]
    engines = {engine["engine"]: engine for engine in pipeline["engines"]}
    expected = {
        "decode",
        "face_detector",
        "face_emotion",
        "speech_activity",
        "voice_emotion",
        "speech recognition",
    }
    assert expected <= {name for name, engine in engines.items() if engine["in_sum"]}
    assert all(engine["runs"] > 0 for engine in engines.values())
    assert all(engine["inside_cpu_s_per_media_s"] > 0 for engine in engines.values() if engine["in_sum"])
    # Sound of three seconds in chunks of 32 ms: as often as the product really runs it.
    assert engines["speech_activity"]["runs"] == pytest.approx(3 * 16_000 / 512, abs=4)
    total = sum(engine["cpu_s_per_media_s"] for engine in engines.values() if engine["in_sum"])
    assert pipeline["bare_cpu_s_per_media_s"] == pytest.approx(total, abs=0.001)
    assert pipeline["ratio"] > 1


def test_stages_have_quantiles_and_their_engine(result: dict[str, Any]) -> None:
    rows = {row["stage"]: row for row in result["stages"]}
    assert {
        "decode pictures",
        "find faces",
        "judge a face",
        "face path",
        "speech activity",
        "record",
    } <= rows.keys()
    for row in rows.values():
        assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
    assert rows["find faces"]["bare_ms"] > 0


def test_the_speech_model_has_its_own_share_of_memory(result: dict[str, Any]) -> None:
    memory = result["memory"]
    assert 40 < memory["peak_mb_without_speech"] < memory["peak_mb"]

"""A result beside an older one."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from emoedge.bench import SCHEMA, comparison
from emoedge.cli.bench import command
from emoedge.errors import ConfigError

# A dozen processes, each loading models: on a machine busy with other things that takes minutes.
pytestmark = pytest.mark.timeout(900)


def test_beside_an_older_one(result: dict[str, Any]) -> None:
    old = copy.deepcopy(result)
    old["pipeline"]["cpu_s_per_media_s"] *= 2
    ratios = {name: ratio for name, _new, _old, ratio in comparison(result, old)}
    assert ratios["pipeline.cpu_s_per_media_s"] == pytest.approx(0.5)
    assert ratios["start.help_s"] == 1.0


def test_another_schema_is_refused(result: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="schema"):
        comparison(result, result | {"schema": SCHEMA + 1})


def test_a_file_that_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text("[]")
    answer = CliRunner().invoke(command, ["--compare", str(path)])
    assert answer.exit_code == 2
    assert "not a result" in answer.output

"""The result as a table."""

from __future__ import annotations

from typing import Any

import pytest

from emoedge.bench import table

# A dozen processes, each loading models: on a machine busy with other things that takes minutes.
pytestmark = pytest.mark.timeout(900)


def test_the_table_has_every_stage(result: dict[str, Any]) -> None:
    text = table(result)
    assert all(row["stage"] in text for row in result["stages"])

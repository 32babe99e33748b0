"""docs/mqtt.md says what the code does, and docs/es/mqtt.md says it in Spanish."""

from __future__ import annotations

import pytest

from emoedge.publish import connection, drain_rate, outbox, retry
from emoedge.publish.control import CONTROL_NAMES
from emoedge.publish.payloads import PAYLOADS

from .write_examples import BLOCK, DEVICES, DOCUMENT, examples, updated

PAGES = [pytest.param(page, id=language) for page, (_, language) in DEVICES.items()]


@pytest.mark.parametrize("page", PAGES)
def test_examples_are_what_the_code_makes(page):
    document = page.read_text(encoding="utf-8")
    assert {match["name"] for match in BLOCK.finditer(document)} == set(examples(*DEVICES[page]))
    assert updated(page) == document, "run: python -m tests.publish.write_examples"


@pytest.mark.parametrize("page", PAGES)
def test_every_topic_and_control_is_described(page):
    document = page.read_text(encoding="utf-8")
    for name in (*PAYLOADS, "status", *CONTROL_NAMES):
        assert f"`{name}`" in document


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("topic", ["emotion", "summary"])
def test_every_field_of_the_state_is_explained(page, topic):
    """Of the two topics that programs read most."""
    document = page.read_text(encoding="utf-8")
    fields = set(PAYLOADS[topic].model_json_schema()["properties"])
    fields -= {name for name in fields if name.endswith("_s")}  # media times, of `replay` alone
    explained = document[: document.index(f"<!-- example: {topic} -->")]
    assert [name for name in sorted(fields) if f"`{name}`" not in explained] == []


def test_numbers_in_the_text_are_those_of_the_code():
    document = DOCUMENT.read_text(encoding="utf-8")
    for sentence in (
        f"at most {retry.LONGEST_DELAY_S:.0f} s",
        f"every {retry.REFUSED_DELAY_S:.0f} s",
        f"within {outbox.ACK_GRACE_S:.0f} s",
        f"{outbox.COMMIT_INTERVAL_S} s",
        f"{drain_rate.DRAIN_PER_S:.0f} messages a second",
        f"{outbox.MAX_IN_MEMORY:,} messages",
        f"keep-alive of {connection.KEEPALIVE_S} s",
    ):
        assert sentence in document

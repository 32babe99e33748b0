"""docs/mqtt.md says what the code does."""

from __future__ import annotations

from emoedge.publish import connection, drain_rate, outbox, retry
from emoedge.publish.control import CONTROL_NAMES
from emoedge.publish.payloads import PAYLOADS

from .write_examples import BLOCK, DOCUMENT, examples, updated


def test_examples_are_what_the_code_makes():
    document = DOCUMENT.read_text(encoding="utf-8")
    assert {match["name"] for match in BLOCK.finditer(document)} == set(examples())
    assert updated(document) == document, "run: python -m tests.publish.write_examples"


def test_every_topic_and_control_is_described():
    document = DOCUMENT.read_text(encoding="utf-8")
    for name in (*PAYLOADS, "status", *CONTROL_NAMES):
        assert f"`{name}`" in document


def test_numbers_in_the_text_are_those_of_the_code():
    document = DOCUMENT.read_text(encoding="utf-8")
    for sentence in (
        f"{retry.LONGEST_DELAY_S:.0f} s at most",
        f"every {retry.REFUSED_DELAY_S:.0f} s",
        f"within {outbox.ACK_GRACE_S:.0f} s",
        f"{outbox.COMMIT_INTERVAL_S} s",
        f"{drain_rate.DRAIN_PER_S:.0f} messages a second",
        f"{outbox.MAX_IN_MEMORY:,} messages",
        f"keep-alive of {connection.KEEPALIVE_S} s",
    ):
        assert sentence in document

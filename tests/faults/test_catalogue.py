"""The catalogue is whole, and its quickest rows hold; scripts/faults runs all of it."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from faults.__main__ import main
from faults.bench import Skipped, Unmet
from faults.catalogue import CATALOGUE
from faults.fault import Fault, run_one
from faults.surroundings import until

HERE = (
    "broker-absent-at-start",
    "sigkill-while-the-broker-is-away",
    "privacy-on-and-off",
    "hostile-commands",
    "oversized-commands",
)


def made_of(run):
    return Fault("made-up", "nothing is done", "nothing happens", True, run)


def test_every_fault_says_cause_and_expectation_and_has_a_name_of_its_own():
    faults = CATALOGUE
    assert len(faults) >= 20
    assert len({one.name for one in faults}) == len(faults)
    for one in faults:
        assert re.fullmatch(r"[a-z0-9-]+", one.name)
        assert one.cause.endswith("."), one.name
        assert one.expectation.endswith("."), one.name


def test_every_fault_is_in_the_documentation(repository):
    text = (repository / "docs" / "faults.md").read_text(encoding="utf-8")
    assert [one.name for one in CATALOGUE if f"`{one.name}`" not in text] == []


def test_what_is_not_met_fails_and_what_cannot_be_caused_is_named():
    def unmet(bench):
        until(lambda: False, "the impossible", 0.05)

    def skipped(bench):
        raise Skipped("no such thing here")

    failed = run_one(made_of(unmet))
    assert failed.result == "FAIL"
    assert "still not: the impossible" in failed.detail
    assert run_one(made_of(skipped)).result == "skipped"
    assert run_one(made_of(lambda _: 1.5)).recovered_s == 1.5


def test_the_exit_code_and_the_table_tell_a_failure(tmp_path, monkeypatch):
    def unmet(bench):
        raise Unmet("it fell over")

    monkeypatch.setattr("faults.__main__.CATALOGUE", (made_of(unmet),))
    rows = tmp_path / "rows.json"
    result = CliRunner().invoke(main, ["--json", str(rows)])
    assert result.exit_code == 1
    assert "it fell over" in result.output
    assert json.loads(rows.read_text())[0]["result"] == "FAIL"


def test_an_unknown_name_is_refused():
    result = CliRunner().invoke(main, ["--only", "earthquake"])
    assert result.exit_code == 2
    assert "sigterm" in result.output


@pytest.mark.device
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", HERE)
def test_fault(name):
    # Bounds on time, memory and load are kept by scripts/faults: the machine of a test run may be busy.
    row = run_one(next(one for one in CATALOGUE if one.name == name), measured=False)
    if row.result == "skipped":
        pytest.skip(row.detail)
    assert row.result == "pass", row.detail

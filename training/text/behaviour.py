"""Behavioural suite: `python -m training.text.behaviour [--model PATH]` prints pass rates."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from emoedge.emotions import INDEX, leader
from emoedge.text.model import TextEmotionModel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT: Final = Path(__file__).resolve().parents[2]
CASES: Final = ROOT / "tests" / "behaviour" / "text_cases.toml"
FRESH: Final = ROOT / "tests" / "behaviour" / "text_cases_fresh.toml"
"""Suite written after the generated sentences of `home`, which were not changed with knowledge of it."""
TALK: Final = ROOT / "tests" / "behaviour" / "text_cases_talk.toml"
"""Suite written before the sentences of `talk`, which were extended with knowledge of it."""
HOME: Final = ROOT / "tests" / "behaviour" / "text_cases_home.toml"
"""Suite of the kinds that failed, written before the second half of those sentences; only for evaluation."""

CLEAR_FALL: Final = 0.05
"""Minimum loss of probability of a denied feeling."""
SLACK: Final = 0.02
"""Accepted loss for a stronger word: the posterior of a certain case cannot rise."""


@dataclass(frozen=True)
class Capability:
    """Capability that the model should have, with its cases (see the head of text_cases.toml)."""

    name: str
    kind: str
    cases: tuple[tuple[str, ...], ...]
    frames: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """Result of a capability; `failed` are the cases that did not pass."""

    name: str
    total: int
    failed: tuple[tuple[str, ...], ...]

    @property
    def rate(self) -> float:
        """Share of cases passed."""
        return 1.0 - len(self.failed) / self.total


def load(path: Path = CASES) -> list[Capability]:
    """Read the cases; frames are filled in."""
    suite = tomllib.loads(path.read_text(encoding="utf-8"))
    capabilities = []
    for entry in suite["capability"]:
        cases = [tuple(case) for case in entry.get("cases", ())]
        for frame in entry.get("frames", ()):
            first, *others = entry["fill"]
            cases.extend((frame.format(first), frame.format(other)) for other in others)
        capabilities.append(
            Capability(entry["name"], entry["kind"], tuple(cases), tuple(entry.get("frames", ())))
        )
    return capabilities


def passes(model: TextEmotionModel, kind: str, case: Sequence[str]) -> bool:
    """Return whether the model passes one case."""
    if kind == "is":
        posterior = model.classify(case[0])
        return ("none" if posterior is None else leader(posterior)) in case[1].split("|")
    before, after = model.classify(case[0]), model.classify(case[1])
    if kind == "same":
        return (before is None) == (after is None) and (
            before is None or after is None or int(np.argmax(before)) == int(np.argmax(after))
        )
    if before is None:
        return False
    index = INDEX[case[2]]
    if kind == "falls":
        return after is None or bool(
            after[index] <= before[index] - CLEAR_FALL and int(np.argmax(after)) != index
        )
    if kind == "rises":
        return after is not None and bool(after[index] >= before[index] - SLACK)
    raise ValueError(f"unknown kind of case: {kind}")


def run(model: TextEmotionModel, capabilities: Sequence[Capability]) -> list[Result]:
    """Return the result of every capability, in order."""
    return [
        Result(
            capability.name,
            len(capability.cases),
            tuple(case for case in capability.cases if not passes(model, capability.kind, case)),
        )
        for capability in capabilities
    ]


def table(results: Sequence[Result]) -> str:
    """Return a Markdown table."""
    lines = ["| capability | cases | passed |", "|---|---|---|"]
    lines += [f"| {result.name} | {result.total} | {result.rate:.0%} |" for result in results]
    total = sum(result.total for result in results)
    failed = sum(len(result.failed) for result in results)
    lines.append(f"| **all** | **{total}** | **{1 - failed / total:.0%}** |")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "text_emotion.npz")
    parser.add_argument("--cases", type=Path, default=CASES)
    parser.add_argument("--failures", action="store_true", help="also list the cases that fail")
    args = parser.parse_args()
    results = run(TextEmotionModel.load(args.model), load(args.cases))
    print(table(results))
    if args.failures:
        for result in results:
            for case in result.failed:
                print(f"{result.name}: {' -> '.join(case)}")


if __name__ == "__main__":
    main()

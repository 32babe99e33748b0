"""Print the installed run-time packages with versions, one per line, for scripts/audit."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("", "web")
"""Extras of the root that a device runs with."""


def closure(root: str) -> dict[str, str]:
    """Names and versions of a distribution's dependencies, those of `EXTRAS` included, without itself."""
    found: dict[str, str] = {}
    waiting = [(root, extra) for extra in EXTRAS]
    seen = set(waiting)
    while waiting:
        current, extra = waiting.pop()
        for text in distribution(current).requires or ():
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
                continue
            try:
                found[name] = distribution(name).version
            except PackageNotFoundError:
                continue  # for another kind of machine
            asked = {(name, asked_extra) for asked_extra in ("", *requirement.extras)} - seen
            seen |= asked
            waiting.extend(asked)
    return found


if __name__ == "__main__":
    for name, version in sorted(closure("emoedge").items()):
        print(f"{name}=={version}")

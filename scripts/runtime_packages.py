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
    waiting = [root]
    while waiting:
        current = waiting.pop()
        extras = EXTRAS if current == root else ("",)
        for text in distribution(current).requires or ():
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            marker = requirement.marker
            if name in found or (marker and not any(marker.evaluate({"extra": extra}) for extra in extras)):
                continue
            try:
                found[name] = distribution(name).version
            except PackageNotFoundError:
                continue  # for another kind of machine
            waiting.append(name)
    return found


if __name__ == "__main__":
    for name, version in sorted(closure("emoedge").items()):
        print(f"{name}=={version}")

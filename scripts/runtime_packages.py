"""Print the installed run-time packages with versions, one a line: for scripts/audit."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(root: str) -> dict[str, str]:
    """Names and versions of a distribution's dependencies, without extras and itself."""
    found: dict[str, str] = {}
    waiting = [root]
    while waiting:
        for text in distribution(waiting.pop()).requires or ():
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
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

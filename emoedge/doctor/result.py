"""Result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        name: what was looked at, such as "camera" or "model face_emotion".
        state: "failed": something the configuration asks for does not work here; "warning": it works, but
            something deserves a look.
        detail: what was found, one line.
        remedy: what to do, an imperative sentence; empty when ok.
    """

    name: str
    state: State
    detail: str
    remedy: str = ""


def ok(name: str, detail: str) -> CheckResult:
    """All is well."""
    return CheckResult(name, "ok", detail)


def warning(name: str, detail: str, remedy: str) -> CheckResult:
    """It works, but."""
    return CheckResult(name, "warning", detail, remedy)


def failed(name: str, detail: str, remedy: str) -> CheckResult:
    """It does not work."""
    return CheckResult(name, "failed", detail, remedy)

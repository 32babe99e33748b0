"""Damage as disks, networks and people cause it: for the fuzzers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

import pytest

INPUTS: Final = pytest.mark.parametrize(
    "inputs", [200, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(7_200)])]
)
"""A share of the inputs in each run, all of them in the slow one."""


def mutate(good: bytes, dice: Random, others: Sequence[bytes] = ()) -> bytes:
    """Return bytes with one to four damages; sometimes bytes of no sense at all.

    Args:
        good: what is damaged.
        dice: where, and how.
        others: further good inputs, of which a piece may get in.
    """
    if dice.random() < 0.05:
        return dice.randbytes(dice.choice((0, 1, 16, 300, 5_000)))
    data = bytearray(good)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        dice.choice(_DAMAGES)(data, dice)
    if others and dice.random() < 0.1:
        other, at = dice.choice(others), dice.randint(0, len(data))
        begin = dice.randint(0, len(other))
        data[at:at] = other[begin : begin + dice.choice((4, 64, 1_024))]
    return bytes(data)


def _place(data: bytearray, dice: Random) -> int:
    return dice.randrange(len(data)) if data else 0


def _flip(data: bytearray, dice: Random) -> None:
    if data:
        data[_place(data, dice)] ^= 1 << dice.randrange(8)


def _set(data: bytearray, dice: Random) -> None:
    if data:
        data[_place(data, dice)] = dice.choice((0, 1, 0x22, 0x2B, 0x7F, 0x80, 0xFF, dice.randrange(256)))


def _cut(data: bytearray, dice: Random) -> None:
    del data[_place(data, dice) :]


def _remove(data: bytearray, dice: Random) -> None:
    at = _place(data, dice)
    del data[at : at + dice.choice((1, 2, 8, 512))]


def _insert(data: bytearray, dice: Random) -> None:
    at = _place(data, dice)
    data[at:at] = dice.randbytes(dice.choice((1, 2, 8, 512)))


def _repeat(data: bytearray, dice: Random) -> None:
    at = _place(data, dice)
    data[at:at] = data[at : at + dice.choice((1, 8, 64, 4_096))]


def _tear(data: bytearray, dice: Random) -> None:
    """Zeros where a block was not written."""
    at, size = _place(data, dice), dice.choice((8, 512, 4_096))
    data[at : at + size] = bytes(len(data[at : at + size]))


_DAMAGES: Final[tuple[Callable[[bytearray, Random], None], ...]] = (
    _flip, _flip, _set, _cut, _remove, _insert, _repeat, _tear,
)  # fmt: skip

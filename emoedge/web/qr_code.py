"""QR code of an address for a terminal: byte mode, error correction L, versions 1 to 6 (ISO/IEC 18004)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Final

_VERSIONS: Final = ((19, 7, 1), (34, 10, 1), (55, 15, 1), (80, 20, 1), (108, 26, 1), (136, 18, 2))
"""Data bytes, bytes of error correction a block, blocks."""
MAX_BYTES: Final = _VERSIONS[-1][0] - 2
"""Longest text in bytes."""
_QUIET: Final = 4
"""Light modules around the code that readers ask for."""
_LEVEL_L: Final = 0b01
_FORMAT_GENERATOR: Final = 0b10100110111
_FORMAT_MASK: Final = 0b101010000010010
_MASKS: Final[tuple[Callable[[int, int], bool], ...]] = (
    lambda y, x: (y + x) % 2 == 0,
    lambda y, _x: y % 2 == 0,
    lambda _y, x: x % 3 == 0,
    lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0,
    lambda y, x: (y * x) % 2 + (y * x) % 3 == 0,
    lambda y, x: ((y * x) % 2 + (y * x) % 3) % 2 == 0,
    lambda y, x: ((y + x) % 2 + (y * x) % 3) % 2 == 0,
)

Matrix = list[list[bool]]


def qr_lines(text: str) -> list[str]:
    """Return the code as lines of half blocks, dark on light regardless of the terminal's colours.

    Returns:
        Lines with escape sequences; empty for a text of more than `MAX_BYTES` bytes.
    """
    if len(text.encode()) > MAX_BYTES:
        return []
    code = qr_matrix(text)
    size = len(code) + 2 * _QUIET

    def dark(y: int, x: int) -> bool:
        y, x = y - _QUIET, x - _QUIET
        return 0 <= y < len(code) and 0 <= x < len(code) and code[y][x]

    blocks = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    return [
        "\x1b[30;47m" + "".join(blocks[dark(y, x), dark(y + 1, x)] for x in range(size)) + "\x1b[0m"
        for y in range(0, size, 2)
    ]


def qr_matrix(text: str) -> Matrix:
    """The modules of the code, True for dark; raises ValueError for a text that is too long."""
    data = text.encode()
    version = next((n for n, one in enumerate(_VERSIONS, 1) if len(data) + 2 <= one[0]), None)
    if version is None:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    bits = _bits(_codewords(data, *_VERSIONS[version - 1]))
    fixed = _fixed_patterns(version)
    places = list(_places(len(fixed), fixed))
    bits += [False] * (len(places) - len(bits))
    best: Matrix = []
    least = -1
    for number, mask in enumerate(_MASKS):
        matrix = [[bool(cell) for cell in row] for row in fixed]
        for (y, x), bit in zip(places, bits, strict=True):
            matrix[y][x] = bit != mask(y, x)
        _write_format(matrix, number)
        penalty = _penalty(matrix)
        if least < 0 or penalty < least:
            best, least = matrix, penalty
    return best


def _codewords(data: bytes, capacity: int, correction: int, blocks: int) -> list[int]:
    """Mode, length, text and padding, with Reed-Solomon bytes, the blocks interleaved."""
    halves = itertools.pairwise([len(data), *data, 0])
    words = [0x40 | len(data) >> 4, *((before & 15) << 4 | after >> 4 for before, after in halves)]
    words += [(0xEC, 0x11)[n % 2] for n in range(capacity - len(words))]
    length = capacity // blocks
    parts = [words[n * length : (n + 1) * length] for n in range(blocks)]
    rests = [_remainder(part, correction) for part in parts]
    return [word for group in (parts, rests) for column in zip(*group, strict=True) for word in column]


def _multiply(a: int, b: int) -> int:
    """Product in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1."""
    product = 0
    for bit in range(7, -1, -1):
        product = (product << 1) ^ ((product >> 7) * 0x11D)
        product ^= ((b >> bit) & 1) * a
    return product


def _generator(degree: int) -> list[int]:
    """Coefficients of the product of (x - 2^i) for i < degree, without the leading 1."""
    found = [0] * (degree - 1) + [1]
    root = 1
    for _ in range(degree):
        found = [_multiply(one, root) ^ after for one, after in zip(found, [*found[1:], 0], strict=True)]
        root = _multiply(root, 2)
    return found


def _remainder(data: list[int], degree: int) -> list[int]:
    generator = _generator(degree)
    rest = [0] * degree
    for word in data:
        factor = word ^ rest[0]
        rest = [
            one ^ _multiply(coefficient, factor)
            for one, coefficient in zip([*rest[1:], 0], generator, strict=True)
        ]
    return rest


def _bits(words: list[int]) -> list[bool]:
    return [bool(word >> bit & 1) for word in words for bit in range(7, -1, -1)]


def _fixed_patterns(version: int) -> list[list[bool | None]]:
    """Finders, timing and alignment; None where data go."""
    size = 17 + 4 * version
    matrix: list[list[bool | None]] = [[None] * size for _ in range(size)]
    for n in range(size):
        matrix[6][n] = matrix[n][6] = n % 2 == 0
    for top, left in ((3, 3), (3, size - 4), (size - 4, 3)):
        for y, x in itertools.product(range(top - 4, top + 5), range(left - 4, left + 5)):
            if 0 <= y < size and 0 <= x < size:
                matrix[y][x] = max(abs(y - top), abs(x - left)) not in (2, 4)
    if version > 1:
        middle = size - 7
        for y, x in itertools.product(range(middle - 2, middle + 3), repeat=2):
            matrix[y][x] = max(abs(y - middle), abs(x - middle)) != 1
    for n in range(9):  # room for the format
        for y, x in ((8, n), (n, 8)):
            matrix[y][x] = matrix[y][x] or False
    for n in range(8):
        matrix[8][size - 1 - n] = matrix[size - 1 - n][8] = False
    return matrix


def _places(size: int, fixed: list[list[bool | None]]) -> Iterator[tuple[int, int]]:
    """Yield the positions of the bits: two columns at a time from the right, alternately up and down."""
    upwards = True
    for right in range(size - 1, 0, -2):
        column = right if right > 6 else right - 1
        for y in range(size - 1, -1, -1) if upwards else range(size):
            for x in (column, column - 1):
                if fixed[y][x] is None:
                    yield y, x
        upwards = not upwards


def _write_format(matrix: Matrix, mask: int) -> None:
    """Level and mask, twice, with their BCH code."""
    size, value = len(matrix), _LEVEL_L << 3 | mask
    rest = value << 10
    for shift in range(4, -1, -1):
        if rest >> (shift + 10) & 1:
            rest ^= _FORMAT_GENERATOR << shift
    bits = (value << 10 | rest) ^ _FORMAT_MASK
    first = [(8, n) for n in (0, 1, 2, 3, 4, 5, 7, 8)] + [(n, 8) for n in (7, 5, 4, 3, 2, 1, 0)]
    second = [(size - 1 - n, 8) for n in range(7)] + [(8, size - 8 + n) for n in range(8)]
    for n, places in enumerate(zip(first, second, strict=True)):
        for y, x in places:
            matrix[y][x] = bool(bits >> (14 - n) & 1)
    matrix[size - 8][8] = True


def _penalty(matrix: Matrix) -> int:
    """Return how hard the code is to read: long runs and squares of one colour."""
    lines = [*matrix, *(list(column) for column in zip(*matrix, strict=True))]
    runs = (len(list(run)) for line in lines for _, run in itertools.groupby(line))
    squares = sum(
        matrix[y][x] == matrix[y + 1][x] == matrix[y][x + 1] == matrix[y + 1][x + 1]
        for y, x in itertools.product(range(len(matrix) - 1), repeat=2)
    )
    return sum(length - 2 for length in runs if length >= 5) + 3 * squares

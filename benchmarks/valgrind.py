"""Client requests to Valgrind on x86-64, as the macros of <valgrind/callgrind.h> make them.

Outside Valgrind and on other processors a request has no effect.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
from collections.abc import Callable
from functools import cache
from typing import Final

RUNNING: Final = 0x1001
_CALLGRIND: Final = ord("C") << 24 | ord("T") << 16
ZERO, DUMP_AT, START, STOP = (_CALLGRIND + number for number in (1, 3, 4, 5))
"""Requests: zero the counts, dump them with a label, start and stop counting."""

_CODE: Final = bytes.fromhex(
    "4889f8"  # mov rax, rdi: the address of the request
    "4831d2"  # xor rdx, rdx: the answer outside Valgrind
    "48c1c703 48c1c70d 48c1c73d 48c1c733"  # rol rdi by 3, 13, 61, 51 (no net effect): Valgrind's marker
    "4887db"  # xchg rbx, rbx
    "4889d0 c3"  # mov rax, rdx; ret
)


@cache
def _call() -> Callable[[int], int]:
    if platform.machine() != "x86_64":
        return lambda _address: 0
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(_CODE)
    code = ctypes.c_char.from_buffer(memory)  # keeps a reference to the memory
    function = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(ctypes.addressof(code))

    def call(address: int, _memory: object = code) -> int:
        return int(function(address))

    return call


def request(number: int, text: str = "") -> int:
    """Make a request; return its result, 0 outside Valgrind."""
    label = ctypes.create_string_buffer(text.encode())
    words = (ctypes.c_uint64 * 6)(number, ctypes.addressof(label))
    return _call()(ctypes.addressof(words))

"""Requests to Valgrind from Python: what <valgrind/callgrind.h> does with a macro, on x86-64.

Outside Valgrind, and on other processors, a request does nothing.
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
"""Set the counts to zero; write them with a label; begin and stop to count."""

_CODE: Final = bytes.fromhex(
    "4889f8"  # mov rax, rdi: the address of the request
    "4831d2"  # xor rdx, rdx: the answer outside Valgrind
    "48c1c703 48c1c70d 48c1c73d 48c1c733"  # rol rdi by 3, 13, 61, 51, together nothing: Valgrind's mark
    "4887db"  # xchg rbx, rbx
    "4889d0 c3"  # mov rax, rdx; ret
)


@cache
def _call() -> Callable[[int], int]:
    if platform.machine() != "x86_64":
        return lambda _address: 0
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(_CODE)
    code = ctypes.c_char.from_buffer(memory)  # keeps the memory
    function = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(ctypes.addressof(code))

    def call(address: int, _memory: object = code) -> int:
        return int(function(address))

    return call


def request(number: int, text: str = "") -> int:
    """Make a request; the answer, 0 outside Valgrind."""
    label = ctypes.create_string_buffer(text.encode())
    words = (ctypes.c_uint64 * 6)(number, ctypes.addressof(label))
    return _call()(ctypes.addressof(words))

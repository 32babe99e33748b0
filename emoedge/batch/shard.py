"""A share of the files: many processes or machines divide a corpus without talking to each other."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emoedge.errors import ConfigError
from emoedge.translation import tr

_SHARD = re.compile(r"([0-9]{1,9})/([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """Share number `index` of `count`, counted from 1; by default everything.

    A file's share depends on its name alone: files that are added later move no other file.
    """

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `K/N`; raises ConfigError."""
        match = _SHARD.fullmatch(text)
        index, count = map(int, match.groups()) if match else (0, 0)
        if not 1 <= index <= count:
            raise ConfigError(
                tr("--shard {text}: not a share", text=text),
                tr("use K/N with K from 1 to N: --shard 3/8"),
            )
        return cls(index, count)

    def owns(self, name: str) -> bool:
        """Return whether a file belongs to this share.

        Args:
            name: that of a `Job`.
        """
        digest = hashlib.sha256(os.fsencode(name)).digest()
        return int.from_bytes(digest, "big") % self.count == self.index - 1

    def file(self, path: Path) -> Path:
        """Name of a file that each share has of its own: `errors.jsonl` becomes `errors-3-of-8.jsonl`."""
        if self.count == 1:
            return path
        return path.with_name(f"{path.stem}-{self.index}-of-{self.count}{path.suffix}")


EVERYTHING: Final = Shard()
"""The share of a call that does them all."""

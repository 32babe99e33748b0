"""Remarks about a medium that could be read only in part or with changes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)


@dataclass
class Notes:
    """Remarks about one medium, each made and logged once.

    Attributes:
        name: of the medium.
        texts: in the order in which they were made.
    """

    name: str
    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add and log a remark, unless it is there already."""
        if text not in self.texts:
            self.texts.append(text)
            logger.warning("%s: %s", self.name, text)

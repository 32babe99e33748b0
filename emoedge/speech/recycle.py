"""When to recreate a recogniser: Vosk's memory grows over hours of use."""

from __future__ import annotations

from dataclasses import dataclass

from emoedge.translation import tr


@dataclass(frozen=True, slots=True)
class RecyclePolicy:
    """Pure rule; either bound is enough.

    Attributes:
        max_sound_h: hours of sound recognised since the model was loaded. Growth follows use,
            not time: a device that hears nothing has no reason to load its model again.
        max_growth_mb: growth of the whole process since then, MB. Well above the few tens that
            decoding one long utterance takes for a while.
    """

    max_sound_h: float = 6.0
    max_growth_mb: float = 250.0

    def reason(self, sound_h: float, growth_mb: float | None) -> str | None:
        """Return why it is time, or None; `growth_mb` is None if memory cannot be read."""
        if sound_h >= self.max_sound_h:
            return tr("{sound_h:.1f} h of audio recognised", sound_h=sound_h)
        if growth_mb is not None and growth_mb >= self.max_growth_mb:
            return tr("memory grown by {growth_mb:.0f} MB", growth_mb=growth_mb)
        return None

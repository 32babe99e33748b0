"""The topics of one device: what it subscribes to, and what its messages are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from emoedge.publish.control import command_topics
from emoedge.publish.echo import ECHO_CONTROL

NOT_ABOUT_PEOPLE: Final = frozenset({"recording"})
"""Spooled topics that privacy does not hold back: they name files."""


@dataclass(frozen=True, slots=True)
class DeviceTopics:
    """Topics below those of a device.

    Args:
        base: of the device, such as `emoedge/kitchen`.
        foreign: subscribed to, and not below `base`.
    """

    base: str
    foreign: tuple[str, ...]

    def of(self, suffix: str) -> str:
        """Return the topic with this end."""
        return f"{self.base}/{suffix}"

    @property
    def echo(self) -> str:
        """On which the device hears itself."""
        return self.of(f"control/{ECHO_CONTROL}/set")

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Topics that the device subscribes to."""
        return self.of("control/+/set"), *self.foreign

    @property
    def single(self) -> tuple[str, ...]:
        """The same without wildcards."""
        return *command_topics(self.base), self.echo, *self.foreign

    def control_of(self, topic: str) -> str:
        """Return the control that a topic sets."""
        return topic.removeprefix(self.of("control/")).removesuffix("/set")

    def is_about_people(self, topic: str) -> bool:
        """Return whether privacy holds back the messages on a topic."""
        return topic.removeprefix(self.of("")) not in NOT_ABOUT_PEOPLE

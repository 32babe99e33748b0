"""From the opinions of face, voice and text to one state, and from states to events."""

from emoedge.fusion.events import EventDetector
from emoedge.fusion.fuser import Fuser
from emoedge.fusion.hold import Hold
from emoedge.fusion.rule import Decision, fuse_weighted

__all__ = ["Decision", "EventDetector", "Fuser", "Hold", "fuse_weighted"]

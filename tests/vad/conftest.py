"""Spoken test signals, shared with the voice tests."""

from tests.voice.conftest import *  # noqa: F403

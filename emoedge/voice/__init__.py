"""Emotion in the voice: acoustic features, adaptation to the speaker, int8 classifier."""

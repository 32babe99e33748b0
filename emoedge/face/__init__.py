"""Faces: detection, tracking, quality, emotion."""

"""Segments on the local disk: pre-roll, muxing, the store and its retention."""

"""Local console: the pages and the API of `emoedge web`, a process of its own beside the daemon."""

"""The daemon's Unix socket: how console, `watch`, `doctor` and `recordings` ask a running daemon."""

"""Installation of emoedge as a systemd service."""

"""The same kind of checks on a machine where emoedge is installed: its own systemd, devices and broker."""

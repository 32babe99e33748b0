"""Checks of everything that would stop the daemon: devices, models, broker, disk, clock, board."""

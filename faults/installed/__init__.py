"""Similar checks of an installed service, with the machine's own systemd, devices and broker."""

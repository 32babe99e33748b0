"""The live state of a daemon, seen over MQTT."""

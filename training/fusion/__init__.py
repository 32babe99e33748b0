"""How `models/fusion.json` was made: the log-linear pool of `emoedge.fusion.learned`."""

"""Training of `models/fusion.json`, the log-linear pool of `emoedge.fusion.learned`."""

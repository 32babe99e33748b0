"""Evaluation of the speech engines: word error rate, speed and memory on real recordings."""

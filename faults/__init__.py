"""The fault catalogue: each fault is caused on purpose around a real daemon, and seen from outside.

`scripts/faults` runs it; docs/faults.md has what came out.
"""

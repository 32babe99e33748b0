"""How it is said: speech activity, acoustic features, adaptation to the speaker, int8 classifier."""

"""`emoedge demo`: the whole daemon on a clip, with its own broker where none answers."""

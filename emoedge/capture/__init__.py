"""Capture: cameras, microphones and media files as streams of frames and sound blocks with true times."""

"""Speech activity model: Silero VAD's weights as a TFLite graph."""

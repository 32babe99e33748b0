"""Speech recognition: transcripts (Vosk or Whisper)."""

"""What is said: transcript (Vosk or Whisper) and the emotion that the words carry."""

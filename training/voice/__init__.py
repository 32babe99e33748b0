"""How models/voice_emotion.tflite was made: from emotional speech corpora to int8 and its card."""

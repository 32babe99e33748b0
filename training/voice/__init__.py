"""Training of models/voice_emotion.tflite: from emotional speech corpora to int8 and its card."""

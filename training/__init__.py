"""Training of every model in models/, from raw data to the .tflite file and its card."""

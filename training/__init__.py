"""How every model in models/ was made, from raw data to .tflite and its card."""

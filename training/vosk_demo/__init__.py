"""A small-vocabulary Spanish model in Vosk's own format, trained on synthetic speech.

The model exists so that the demonstration clip is really recognised and so that
the tests run the real engine. It knows about a hundred words, as espeak-ng says
them, and it is not a recogniser for human voices. ``python -m training.vosk_demo.train
--out DIR`` trains it from scratch; `evaluate` measures it.
"""

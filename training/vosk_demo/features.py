"""The acoustic features, computed as Vosk computes them on the device.

Kaldi's MFCC through ``kaldi-native-fbank``; the same options go into the model's
``conf/mfcc.conf``, so that training and libvosk cannot differ.
"""

from __future__ import annotations

import numpy as np

NUM_CEPS = 13
NUM_BINS = 23
LOW_HZ = 20
HIGH_HZ = 7600
FRAME_S = 0.010
"""Spacing of the feature frames: Kaldi's default."""

SUBSAMPLING = 3
"""Feature frames per output frame. libvosk states word times in 30 ms frames, whatever the model."""

OUTPUT_FRAME_S = FRAME_S * SUBSAMPLING

MFCC_CONF = f"""--sample-frequency=16000
--use-energy=false
--num-mel-bins={NUM_BINS}
--num-ceps={NUM_CEPS}
--low-freq={LOW_HZ}
--high-freq={HIGH_HZ}
--dither=0
--allow-downsample=true
"""


def mfcc(samples: np.ndarray) -> np.ndarray:
    """Return MFCCs, float32 (frames, `NUM_CEPS`), of float samples in -1…1 at 16 kHz."""
    import kaldi_native_fbank as knf

    options = knf.MfccOptions()
    options.frame_opts.samp_freq = 16000
    options.frame_opts.dither = 0
    options.use_energy = False
    options.num_ceps = NUM_CEPS
    options.mel_opts.num_bins = NUM_BINS
    options.mel_opts.low_freq = LOW_HZ
    options.mel_opts.high_freq = HIGH_HZ
    extractor = knf.OnlineMfcc(options)
    pcm = np.round(np.clip(samples, -1.0, 1.0) * 32767.0)
    extractor.accept_waveform(16000, pcm.tolist())
    extractor.input_finished()
    return np.stack([extractor.get_frame(i) for i in range(extractor.num_frames_ready)])

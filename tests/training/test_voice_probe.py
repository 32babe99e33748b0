"""Whisper's encoder from its file, and the probe that compares vectors by the recall of strangers."""

from __future__ import annotations

import struct

import numpy as np
import pytest

pytest.importorskip("scipy")
torch = pytest.importorskip("torch")

from training.voice.data import Corpus  # noqa: E402
from training.voice.probe import probe, recall, scaled  # noqa: E402
from training.voice.whisper import Encoder, log_mel, mel_filters, pooled, read_parts, read_weights  # noqa: E402

WIDTH, LAYERS = 8, 2


def tensors(rng):
    """Weights of a tiny encoder by name."""
    shapes = {
        "conv1/weight": (WIDTH, 80, 3), "conv1/bias": (WIDTH,), "conv2/weight": (WIDTH, WIDTH, 3),
        "conv2/bias": (WIDTH,), "position_encodings/encodings": (1500, WIDTH),
    }  # fmt: skip
    for layer in range(LAYERS):
        for part, first, second in (
            ("self_attention", (3 * WIDTH, WIDTH), (WIDTH, WIDTH)),
            ("ffn", (4 * WIDTH, WIDTH), (WIDTH, 4 * WIDTH)),
        ):
            name = f"layer_{layer}/{part}"
            shapes |= {f"{name}/layer_norm/gamma": (WIDTH,), f"{name}/layer_norm/beta": (WIDTH,)}
            for number, shape in enumerate((first, second)):
                shapes |= {f"{name}/linear_{number}/weight": shape, f"{name}/linear_{number}/bias": shape[:1]}
    return {name: rng.normal(size=shape).astype(np.float32) * 0.3 for name, shape in shapes.items()}


def written(values, version=6, kind=0):
    """A file with an encoder and one tensor of a decoder."""

    def text(value):
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    entries = [("decoder/bias", np.zeros(3, np.float32), 0)]
    entries += [(f"encoder/{name}", value, kind) for name, value in values.items()]
    entries.append(("encoder/num_heads", np.array(2, np.int16), 2))
    content = struct.pack("<I", version) + text("WhisperSpec") + struct.pack("<II", 3, len(entries))
    for name, value, code in entries:
        content += text(name) + struct.pack(
            f"<B{value.ndim}IBI", value.ndim, *value.shape, code, value.nbytes
        )
        content += value.tobytes()
    return content


def test_the_encoder_is_read_from_the_parts_of_its_file(tmp_path):
    values = tensors(np.random.default_rng(0))
    content = written(values)
    paths = [tmp_path / name for name in ("one", "two")]
    for path, part in zip(paths, (content[:5000], content[5000:]), strict=True):
        path.write_bytes(part)
    found = read_parts(paths)
    assert set(found) == {*values, "num_heads"}
    assert all(np.array_equal(found[name], value) for name, value in values.items())


def test_another_file_is_refused():
    values = tensors(np.random.default_rng(0))
    with pytest.raises(ValueError, match="version 5"):
        read_weights(written(values, version=5))
    with pytest.raises(ValueError, match="quantized"):
        read_weights(written({name: value.astype(np.int8) for name, value in values.items()}, kind=1))
    with pytest.raises(struct.error):
        read_weights(written(values)[:40])


def test_a_tone_is_loudest_in_the_filter_of_its_frequency():
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)
    loudest = log_mel(tone)[:, 10:-10].mean(1).argmax()
    # 1 kHz is bin 25 of 40 Hz each.
    assert mel_filters()[loudest, 25] == mel_filters()[:, 25].max()


def test_layers_have_a_vector_every_20_ms_of_the_clip():
    rng = np.random.default_rng(1)
    encoder = Encoder(read_weights(written(tensors(rng))))
    clip = (rng.normal(size=16_100) * 3000).astype(np.int16)
    layers = encoder(clip)
    assert layers.shape == (1 + LAYERS, 50, WIDTH)
    assert pooled(layers).shape == (1 + LAYERS, 2 * WIDTH)
    assert np.allclose(pooled(layers)[1, :WIDTH], layers[1].mean(0).numpy(), atol=1e-5)
    # The first layer is attention and then a perceptron, each added to what came before.
    x = encoder._norm("layer_0/self_attention/layer_norm", encoder(clip)[0])
    assert x.shape == (50, WIDTH)
    assert not np.allclose(layers[0].numpy(), layers[1].numpy(), atol=1e-2)


def corpus_of(rng, speakers=6, clips=30):
    """A target set and two others; the label is in the first value, the speaker and the set in the second."""
    names = [f"{origin}/{number}" for origin in ("uem", "ased", "savee") for number in range(speakers)]
    speaker = np.repeat(names, clips)
    origin = np.array([name.split("/")[0] for name in speaker])
    emotion = rng.integers(0, 7, len(speaker))
    corpus = Corpus(
        [], speaker.copy(), emotion, origin, speaker, np.zeros(len(speaker), dtype=bool), speaker.copy()
    )
    codes = rng.normal(size=(7, 5))
    values = codes[emotion] + rng.normal(size=(len(emotion), 5)) * 0.1
    return corpus, values


def test_the_probe_finds_a_label_that_strangers_share_and_none_that_they_do_not():
    rng = np.random.default_rng(2)
    corpus, values = corpus_of(rng)
    found = probe(scaled(values, corpus, by_speaker=False), corpus)
    assert set(found.recalls) == {"uem", "ased", "savee"}
    assert min(found.recalls.values()) > 0.8
    noise = probe(scaled(rng.normal(size=values.shape), corpus, by_speaker=False), corpus)
    assert max(noise.recalls.values()) < 0.3


def test_a_group_is_classified_by_the_others_alone():
    corpus, values = corpus_of(np.random.default_rng(3))
    before = probe(scaled(values, corpus, by_speaker=False), corpus, penalties=(1.0,))
    shifted = corpus.emotion.copy()
    mine = corpus.origin == "ased"
    shifted[mine] = (shifted[mine] + 1) % 7
    other = Corpus(**{**vars(corpus), "emotion": shifted})
    after = probe(scaled(values, other, by_speaker=False), other, penalties=(1.0,))
    # What it was told about itself does not help it: the shifted labels are missed.
    assert before.recalls["ased"] > 0.8
    assert after.recalls["ased"] < 0.3


def test_statistics_of_the_speaker_remove_what_differs_between_speakers():
    rng = np.random.default_rng(4)
    corpus, values = corpus_of(rng)
    _, who = np.unique(corpus.speaker, return_inverse=True)
    moved = values + rng.normal(size=(18, 5))[who] * 6
    alone = probe(scaled(moved, corpus, by_speaker=False), corpus)
    known = probe(scaled(moved, corpus, by_speaker=True), corpus)
    assert known.mean > alone.mean + 0.2


def test_an_answer_outside_the_classes_of_a_set_becomes_the_likeliest_inside():
    scores = np.array([[0.1, 0.9, 0.5], [0.2, 0.9, 0.1]])
    assert recall(scores, np.array([2, 0])) == 1.0

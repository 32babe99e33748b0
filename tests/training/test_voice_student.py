"""The student of Whisper's encoder: what it hears, what it is taught, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")
torch = pytest.importorskip("torch")

from tests.training.test_voice_probe import LAYERS, WIDTH, tensors  # noqa: E402
from training.voice import distil, student  # noqa: E402
from training.voice.data import Corpus  # noqa: E402
from training.voice.whisper import STEP, Encoder  # noqa: E402

SECONDS = 1.2


def own_student():
    """A student as wide as the small teacher."""
    return student.Student(WIDTH)


def own_heads():
    """Heads for three directions of each kind."""
    return student.Heads(2 * WIDTH, 6)


@pytest.fixture
def small(monkeypatch):
    """A student and a teacher that fit into a test."""
    for name, value in {"COMPRESSED": 4, "CHANNELS": 8, "BLOCKS": 1, "DIRECTIONS": 3, "FRAMES": 12,
                        "TAUGHT_LAYERS": LAYERS}.items():  # fmt: skip
        monkeypatch.setattr(student, name, value)
        if hasattr(distil, name):
            monkeypatch.setattr(distil, name, value)
    for name, value in {
        "VOICES": 1,
        "DISTORTED": 1,
        "SHORTEST": 4,
        "SPEAKERS": 2,
        "CLIPS": 2,
        "WARM_UP": 5,
    }.items():
        monkeypatch.setattr(distil, name, value)
    monkeypatch.setattr(distil, "Student", own_student)
    monkeypatch.setattr(distil, "Heads", own_heads)
    return Encoder(tensors(np.random.default_rng(0)) | {"num_heads": np.array(2, np.int16)})


def spoken(rng, count, origin):
    """A corpus of tones in noise."""
    time_s = np.arange(int(SECONDS * 16000)) / 16000
    clips = [
        (3000 * np.sin(2 * np.pi * rng.uniform(100, 300) * time_s) + rng.normal(0, 300, len(time_s))).astype(
            np.int16
        )
        for _ in range(count)
    ]
    names = np.array([f"{origin}/{number % 2}" for number in range(count)])
    return Corpus(
        clips, names, np.zeros(count, np.int64), np.full(count, origin), names, np.zeros(count, bool), names
    )


def test_the_level_of_a_clip_changes_nothing_of_what_is_taught(small):
    clip = student.unit(spoken(np.random.default_rng(1), 1, "emovo").clips[0])
    steps = len(clip) // STEP
    frames = student.taught(small, clip)
    assert frames.shape == ((steps - 1) // 2, 2 * WIDTH)
    torch.testing.assert_close(student.taught(small, clip / 4), frames, rtol=1e-2, atol=1e-2)


def test_the_student_begins_with_the_convolutions_of_its_teacher(small):
    clips = spoken(np.random.default_rng(2), 3, "emovo").clips
    stem = student.Stem.fit(small, clips)
    pupil = student.Student(WIDTH)
    pupil.begin_with(stem)
    heard = torch.from_numpy(stem(student.unit(clips[0])).astype(np.float32))
    mean, axes = pupil.stem()
    expected = small.convolve(student.level_mel(student.unit(clips[0])))[1 : len(clips[0]) // STEP]
    # Four of eight directions: what is lost is less than what is kept.
    lost = heard @ axes.T + mean - expected
    assert lost.var() < 0.2 * (expected - mean).var()
    assert not pupil.expand.weight.requires_grad


def test_statistics_are_of_the_heard_frames_alone():
    frames = torch.tensor([[[1.0], [3.0], [100.0]]])
    heard = torch.tensor([[[1.0], [1.0], [0.0]]])
    np.testing.assert_allclose(student.pooled(frames, heard), [[2.0, 1.0]], atol=1e-3)


def test_pieces_are_of_one_speaker_and_long_enough():
    rng = np.random.default_rng(3)
    corpus = spoken(rng, 4, "emovo")
    corpus.clips[1][:] = 30000
    corpus.clips[3][:] = 30000
    for version in range(distil.VOICES):
        clip = student.altered(corpus, 0, version)
        assert clip.dtype == np.float32
        assert np.abs(clip).max() < 0.5, "nothing of the other speaker"
    assert len(student.altered(corpus, 0, 4)) >= student.FRAMES * 2 * STEP


def test_a_batch_holds_nothing_of_the_sets_held_out_and_the_student_learns_it(small, tmp_path):
    rng = np.random.default_rng(4)
    first, second = spoken(rng, 6, "emovo"), spoken(rng, 2, "uem")
    corpus = Corpus(
        first.clips + second.clips,
        *(
            np.concatenate([getattr(first, name), getattr(second, name)])
            for name in ("file", "emotion", "origin", "speaker", "calm", "sentence")
        ),
    )
    torch.manual_seed(0)
    stem = student.Stem.fit(small, first.clips)
    heads = own_heads()
    heads.aim(
        *student.directions([student.taught(small, student.unit(c)) for c in first.clips], first.origin)
    )
    lessons = distil.Lessons(corpus, stem, heads, tmp_path)
    assert len(lessons.speaker) == len(first)
    assert [len(part) for part in lessons.heard.values()] == [len(first)] * 2
    heard, target, there = lessons.batch(np.random.default_rng(0))
    assert heard.shape == (4, 4, 24, 1)
    assert target.shape == (4, 12, 6)
    assert set(there.unique().tolist()) <= {0.0, 1.0}
    pupil = own_student()
    pupil.begin_with(stem)
    pupil, heads = distil.teach(pupil, heads, lessons, 120, tmp_path / "student.pt")
    scales, batch = lessons.scales(), lessons.batch(np.random.default_rng(99))
    fresh = own_student().eval(), own_heads()
    fresh[0].begin_with(stem)
    assert distil.losses(pupil, heads, batch, scales)[0] < 0.9 * distil.losses(*fresh, batch, scales)[0]
    again = distil.load(tmp_path / "student.pt")
    seen = lessons.heard[0, 0][0]
    np.testing.assert_allclose(
        distil.view(*again, seen), distil.view(pupil, heads, seen), atol=0.05, rtol=0.05
    )

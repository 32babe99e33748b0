"""The fit finds which modality is worth listening to, and the shipped code computes what was fitted."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")

from emoedge.fusion.learned import LearnedFusion
from training.fusion import train


@pytest.fixture
def opinions(monkeypatch):
    """A good face (worse with low reliability), a noisy voice, a text in between."""
    monkeypatch.setattr(train, "DRAWS", 1400)
    rng = np.random.default_rng(0)
    made = {}
    for name, skill in (("face", 3.0), ("voice", 0.3), ("text", 1.5)):
        labels = np.arange(700) % 7
        reliability = rng.random(700)
        noise = rng.normal(size=(700, 7))
        signal = (
            np.eye(7)[labels] * (skill * (reliability if name == "face" else 1.0))[:, None]
            if name == "face"
            else np.eye(7)[labels] * skill
        )
        z = np.exp(signal + noise)
        made[name] = train.Opinions(z / z.sum(axis=1, keepdims=True), labels, reliability)
    return made


def test_better_than_each_alone_and_the_same_in_the_shipped_code(opinions, tmp_path):
    parameters = train.fit(train.draw(opinions, 1, None, 0.1))
    weight = np.exp(parameters[:3])
    assert weight[0] > weight[1]
    train.write(tmp_path, parameters, {}, {})
    fusion = LearnedFusion.load(tmp_path / "fusion.json")
    table = train.measure(fusion, opinions)
    line = table["all three"]
    assert line["learned"] > max(line["face"], line["voice"], line["text"])
    cases = train.draw(opinions, 2, (True, True, True), 0.0)
    direct = train.logits(parameters, cases).argmax(axis=1)
    assert np.mean(direct == train.by_pool(fusion, cases)) > 0.99
    train.card(tmp_path, table)
    assert "| all three |" in (tmp_path / "fusion.md").read_text()

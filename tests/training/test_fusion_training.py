"""The fit finds which modality is worth listening to, and the shipped code computes what was fitted."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")

from emoedge.fusion.learned import LearnedFusion
from training.fusion import cases, train
from training.fusion.card import write_card
from training.fusion.measure import Answers, by_pool, by_rule, measure, scenes


@pytest.fixture
def opinions(monkeypatch):
    """A good face, a noisy voice, a text in between; none of them knows how sure it is."""
    monkeypatch.setattr(cases, "DRAWS", 1400)
    rng = np.random.default_rng(0)
    made = {}
    for name, skill in (("face", 3.0), ("voice", 0.3), ("text", 1.5)):
        labels = np.arange(700) % 7
        reliability = rng.random(700)
        share = reliability if name == "face" else np.ones(700)
        z = np.exp(np.eye(7)[labels] * (skill * share)[:, None] + rng.normal(size=(700, 7)))
        made[name] = cases.Opinions(z / z.sum(axis=1, keepdims=True), labels, reliability, reliability < 0.5)
    return made


@pytest.fixture
def fitted(opinions, tmp_path):
    """Parameters, and what the shipped code loads."""
    parameters = train.fit(cases.draw(opinions, 1, None, 0.1))
    content = train.coefficients(parameters, train.fit_subsets(parameters, opinions))
    train.write(tmp_path / "fusion.json", content)
    return parameters, content, LearnedFusion.load(tmp_path / "fusion.json")


def test_better_than_each_alone_and_the_same_in_the_shipped_code(opinions, fitted, tmp_path):
    parameters, content, fusion = fitted
    weight = np.exp(parameters[:3])
    assert weight[0] > weight[1]
    table, pooled = measure([(fusion, opinions)])
    assert set(table) == {*scenes(), "every set of modalities, one in ten wrong"}
    line = table["all three"]["recall"]
    assert line["learned"] > max(line["face"], line["voice"], line["text"])
    assert len(pooled["learned"].labels) == 7 * 1400
    drawn = cases.draw(opinions, 2, (True, True, True), 0.0)
    scale, bias = content["subsets"]["face+voice+text"], parameters[6:]
    evidence = train.logits(parameters, drawn) - bias
    direct = (scale["sharpness"] * evidence + scale["bias_share"] * bias).argmax(axis=1)
    assert np.mean(direct == by_pool(fusion, drawn).said) > 0.99
    write_card(tmp_path / "fusion.md", content | {"metrics": table})
    assert "| all three, face degraded |" in (tmp_path / "fusion.md").read_text()


@pytest.mark.numerical
def test_confidence_means_the_same_whatever_takes_part(opinions, fitted, record_property):
    parameters, content, fusion = fitted
    record_property("parameters", parameters.tolist())
    record_property("subsets", [value for scale in content["subsets"].values() for value in scale.values()])
    for name in ("voice", "face+voice", "face+voice+text"):
        drawn = cases.draw(opinions, 5, cases.present_in(name), 0.1)
        learned, rule = by_pool(fusion, drawn), by_rule(drawn)
        # Ten bins of 1400 draws are 0.03 off by chance; the coefficients agree to four digits on any
        # processor.
        assert learned.calibration_error() < 0.07
        assert learned.calibration_error() < rule.calibration_error() / 2


def test_degraded_rows_alone_are_drawn(opinions):
    drawn = cases.draw(opinions, 5, (True, True, True), 0.0, degraded="face")
    assert drawn.reliability[:, 0].max() < 0.5
    assert drawn.reliability[:, 1].max() > 0.9


def test_calibration_error_of_known_answers():
    labels = np.arange(10) % 7
    said = np.where(np.arange(10) < 8, labels, -1)
    assert Answers(said, np.full(10, 0.8), labels).calibration_error() == pytest.approx(0.0)
    assert Answers(said, np.full(10, 0.95), labels).calibration_error() == pytest.approx(0.15)

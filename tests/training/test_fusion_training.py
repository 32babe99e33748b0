"""The fit finds which modality is worth listening to, and the shipped code computes what was fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy")

import itertools

from emoedge.fusion.confidence import KNOTS
from emoedge.fusion.learned import LearnedFusion
from training.fusion import cases, confidence, train
from training.fusion.card import write_card, write_confidence_card, write_confidence_figure
from training.fusion.measure import Answers, by_pool, by_rule, measure, opinions_of, scenes


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
    shipped = [fusion.posterior(opinions_of(drawn, row), 0.0).argmax() for row in range(len(direct))]
    assert np.mean(direct == shipped) > 0.99
    write_card(tmp_path / "fusion.md", content | {"metrics": table})
    assert "| all three, face degraded |" in (tmp_path / "fusion.md").read_text()


@pytest.mark.numerical
def test_confidence_means_the_same_whatever_takes_part(opinions, fitted, record_property):
    parameters, content, fusion = fitted
    record_property("parameters", parameters.tolist())
    record_property("subsets", [value for scale in content["subsets"].values() for value in scale.values()])
    for name in ("face+voice", "voice+text", "face+voice+text"):
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


def test_a_line_without_answers_says_what_the_probability_says():
    line = confidence.fit_line(np.zeros(0), np.zeros(0, bool))
    assert line == pytest.approx(KNOTS, abs=0.03)


@pytest.mark.numerical
def test_a_line_finds_the_chance_and_never_falls(record_property):
    rng = np.random.default_rng(2)
    probability = rng.uniform(0.2, 0.9, 6000)
    for name, chance in (
        ("doubtful", lambda p: 0.5 * p),
        ("sure", np.sqrt),
        ("falling", lambda p: 0.8 - 0.5 * p),
    ):
        line = confidence.fit_line(probability, rng.random(6000) < chance(probability))
        record_property(name, list(line))
        assert all(low <= high for low, high in itertools.pairwise(line))
        found = np.interp(probability, KNOTS, line)
        wanted = chance(probability) if name != "falling" else np.full(6000, chance(probability).mean())
        assert np.abs(found - wanted).mean() < 0.03


def test_chances_are_closer_to_the_truth_than_fused_probabilities(opinions, fitted, tmp_path):
    pool = fitted[2]
    everyone = confidence.People(opinions, opinions)
    chances = confidence.fit(pool, everyone)
    table, given = confidence.measure([(pool, chances, everyone)])
    errors = [(line["before"]["both"], line["after"]["both"]) for line in table.values()]
    assert np.mean([after for _, after in errors]) < np.mean([before for before, _ in errors]) / 2
    assert max(after for _, after in errors) < 0.06
    report: dict[str, Any] = {"metrics": table}
    report.update(chances.chances)
    write_confidence_card(tmp_path / "confidence.md", report)
    assert "| learned, face+voice+text |" in (tmp_path / "confidence.md").read_text()
    pytest.importorskip("matplotlib")
    write_confidence_figure(tmp_path, given)
    assert (tmp_path / "confidence_reliability.png").stat().st_size > 10_000

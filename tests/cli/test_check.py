"""emoedge check."""

from __future__ import annotations

import json

from .program import emoedge


def test_check(tmp_path):
    good = tmp_path / "good.toml"
    good.write_text('device_id = "sala"\n[fusion]\nmargin = 0.3\n')
    assert emoedge("check", "--config", good).returncode == 0
    bad = tmp_path / "bad.toml"
    bad.write_text('device_id = "sala"\n[fusion]\nmargn = 0.3\nface_weight = 2\n')
    result = emoedge("check", "--config", bad)
    assert result.returncode == 2
    assert f"{bad}:3: fusion.margn: unknown key" in result.stderr
    assert f"{bad}:4: fusion.face_weight" in result.stderr
    assert "Traceback" not in result.stderr


def test_check_as_json(tmp_path):
    good = tmp_path / "good.toml"
    good.write_text('device_id = "sala"\n[speech]\nmodel = "none-such"\n')
    result = emoedge("check", "--json", "--config", good)
    answer = json.loads(result.stdout)
    assert result.returncode == 0
    assert (answer["valid"], answer["device"], answer["files"]) == (True, "sala", [str(good)])
    assert "none-such" in answer["warnings"][0]["message"]
    bad = tmp_path / "bad.toml"
    bad.write_text("[fusion]\nmargn = 0.3\n")
    result = emoedge("check", "--json", "--config", bad)
    answer = json.loads(result.stdout)
    assert (result.returncode, answer["valid"]) == (2, False)
    (problem,) = answer["problems"]
    assert (problem["source"], problem["line"], problem["key"]) == (str(bad), 2, "fusion.margn")
    result = emoedge("check", "--json", "--config", tmp_path / "missing.toml")
    assert result.returncode == 2
    assert "missing.toml" in json.loads(result.stdout)["problems"][0]["message"]


def test_check_warns_of_a_model_that_is_not_there(tmp_path):
    path = tmp_path / "good.toml"
    path.write_text('[speech]\nmodel = "none-such"\n')
    result = emoedge("check", "--config", path)
    assert result.returncode == 0
    assert "warning: model none-such is missing" in result.stderr
    path.write_text('[speech]\nmodel = "vosk-es-demo"\n')
    assert emoedge("check", "--config", path).stderr == ""


def test_check_missing_file(tmp_path):
    result = emoedge("check", "--config", tmp_path / "none.toml")
    assert result.returncode == 2
    assert "No such file" in result.stderr


def test_environment_overrides_and_its_mistakes_are_named():
    result = emoedge("check", EMOEDGE_FUSION__MARGIN="7")
    assert result.returncode == 2
    assert "EMOEDGE_FUSION__MARGIN" in result.stderr

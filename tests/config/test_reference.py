"""The generated reference: up to date, complete, and true."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import sys
from pathlib import Path

import jsonschema
import pytest

from emoedge.config import Settings, load_settings
from emoedge.config.schema import json_schema
from emoedge.errors import ConfigError
from scripts.config_reference import BEGIN_MARK, EXAMPLES, generated_files, main, reference_toml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def all_keys() -> set[str]:
    return {
        f"{section}.{key}" if isinstance(content, dict) else section
        for section, content in Settings().model_dump().items()
        for key in (content if isinstance(content, dict) else [""])
    }


def uncommented() -> str:
    return re.sub(r"^#(?=\w+ = )", "", reference_toml(), flags=re.MULTILINE)


def test_the_repository_has_the_present_reference(repository: Path) -> None:
    files = generated_files(repository)
    assert {path.name for path in files} == {
        "emoedge.toml",
        "emoedge.schema.json",
        "configuration.md",
        "configuracion.md",
    }
    stale = [path.name for path, text in files.items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run: python -m scripts.config_reference"


def test_as_delivered_it_changes_nothing(repository: Path) -> None:
    assert load_settings(repository / "config" / "emoedge.toml", {}) == Settings()


def test_every_key_is_there_once_and_parses_to_its_default(tmp_path: Path) -> None:
    path = tmp_path / "all.toml"
    path.write_text(uncommented(), encoding="utf-8")
    settings = load_settings(path, {})
    document = tomllib.loads(uncommented())
    keys = {
        f"{section}.{key}" if isinstance(content, dict) else section
        for section, content in document.items()
        for key in (content if isinstance(content, dict) else [""])
    }
    assert keys == all_keys()
    values, defaults = settings.model_dump(), Settings().model_dump()
    for dotted in EXAMPLES:
        section, _, key = dotted.partition(".")
        for dump in (values, defaults):
            dump[section].pop(key) if key else dump.pop(section)
    assert values == defaults


def test_every_key_has_a_sentence() -> None:
    lines = reference_toml().splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"#\w+ = ", line):
            assert before.startswith("# "), line
        assert len(line) <= 120


def test_the_schema_is_one_and_agrees_with_the_loader(tmp_path: Path) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(tomllib.loads(uncommented()))
    for text in ("[mqtt]\nport = 70000", "[camera]\nwidht = 3", "language = 'fr'", "[fusion]\nmargin = 2"):
        assert not validator.is_valid(tomllib.loads(text)), text
        path = tmp_path / "bad.toml"
        path.write_text(text)
        with pytest.raises(ConfigError):
            load_settings(path, {})


def test_the_schema_does_not_know_the_machine_it_was_made_on() -> None:
    import socket

    assert "default" not in json_schema()["properties"]["device_id"]
    assert socket.gethostname() not in json.dumps(json_schema())


def test_check_tells_what_is_out_of_date(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("config/emoedge.toml", "config/emoedge.schema.json", "docs/configuration.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(repository / name, tmp_path / name)
    assert main([str(tmp_path), "--check"]) == 0
    (tmp_path / "config" / "emoedge.toml").write_text("")
    guide = tmp_path / "docs" / "configuration.md"
    guide.write_text(guide.read_text().replace("| `port` |", "| `prot` |"))
    assert main([str(tmp_path), "--check"]) == 1
    told = capsys.readouterr().err
    assert "emoedge.toml: out of date" in told
    assert "configuration.md: out of date" in told
    assert "schema" not in told
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--check"]) == 0
    assert guide.read_text() == (repository / "docs" / "configuration.md").read_text()
    assert guide.read_text().count(BEGIN_MARK) == 1

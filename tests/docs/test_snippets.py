"""Configuration, YAML and names of keys in the documentation are those of the program."""

from __future__ import annotations

import json
import re
import sys

import pytest

from emoedge.config import Settings
from emoedge.emotions import EMOTIONS, display_name
from scripts.site import reasons

from .pages import PAGES, blocks, prose_code, text_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SECTIONS = {
    name: set(field.annotation.model_fields)
    for name, field in Settings.model_fields.items()
    if hasattr(field.annotation, "model_fields")
}


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_configuration_is_valid(block):
    Settings.model_validate(tomllib.loads(block.text))


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_is_valid(block):
    yaml = pytest.importorskip("yaml")
    loaded = yaml.safe_load(block.text)
    assert loaded
    for name in re.findall(r"attributes\.emotion == '(\w+)'", block.text):
        assert name in EMOTIONS


@pytest.mark.parametrize("page", PAGES)
def test_keys_named_in_the_text_are_settings(page):
    for code in prose_code(page):
        match = re.match(r"([a-z]+)\.([a-z_]+)\b(?!\(|/)", code)
        if match and match[1] in SECTIONS and match[2] not in ("py", "md", "json", "tflite", "npz", "toml"):
            assert match[2] in SECTIONS[match[1]], f"{page}: `{code}`"


def test_display_names_of_the_spanish_pages():
    table = text_of("docs/es/index.md")
    for emotion in EMOTIONS:
        assert f"| `{emotion}` | {display_name(emotion, 'es')} |" in table


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_compiles(block):
    compile(block.text, block.page, "exec")


def test_the_macro_recall_of_the_guide_is_right(tmp_path, monkeypatch, capsys):
    block = next(block for block in blocks("python") if "macro recall" in block.text)
    items = [("fear/1.jpg", "fear"), ("fear/2.jpg", None), ("anger/1.jpg", "anger"), ("anger/2.jpg", "anger")]
    lines = (json.dumps({"item": item, "emotion": emotion}) for item, emotion in items)
    (tmp_path / "faces.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, block.page, "exec"), {})  # the guide's own code
    assert "macro recall 0.75" in capsys.readouterr().out


def test_every_part_of_health_has_its_place_in_troubleshooting():
    packages = {path.name for path in reasons.PACKAGE.iterdir() if path.is_dir()}
    parts = {reason.part for reason in reasons.reasons()} - packages
    assert {"broker", "spool", "machine"} <= parts
    for page in ("docs/troubleshooting.md", "docs/es/problemas.md"):
        for part in (*parts, "camera", "microphone", "face", "voice", "text", "recording"):
            assert f"`{part}`" in text_of(page), f"{page}: {part}"


def test_reasons_and_errors_are_read_from_the_source():
    assert reasons.Reason("capture", "failed", "stalled: check cable and power") in reasons.reasons()
    told = reasons.told()
    assert reasons.Told("ConfigError", "nothing to classify", "pass items, or --list FILE") in told
    assert len(told) > 100

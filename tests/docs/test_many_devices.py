"""What the guide has for Ansible and cloud-init, checked by these programs where they are there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from emoedge.config import load_settings
from emoedge.config_files import SYSTEM_FILE

from .pages import blocks

PAGE = "docs/howto/many-devices.md"


def block(word: str) -> str:
    (one,) = [block for block in blocks("yaml") if block.page == PAGE and word in block.text]
    return one.text


def test_both_write_a_valid_configuration_where_it_is_read(tmp_path: Path):
    (play,) = yaml.safe_load(block("hosts: sensors"))
    (written,) = [task["ansible.builtin.copy"] for task in play["tasks"] if task["name"] == "Configuration"]
    (file,) = yaml.safe_load(block("#cloud-config"))["write_files"]
    for one, path in ((written, written["dest"]), (file, file["path"])):
        assert path == str(SYSTEM_FILE)
        (tmp_path / "emoedge.toml").write_text(one["content"].replace("{{ ", "").replace(" }}", ""))
        assert load_settings(tmp_path / "emoedge.toml", {}).mqtt.host == "broker.lan"
    assert written["mode"] == file["permissions"] == "0640"


def test_ansible_takes_the_playbook(tmp_path: Path):
    program = shutil.which("ansible-playbook")
    if program is None:
        pytest.skip("no ansible-playbook here (pip install ansible-core)")
    path = tmp_path / "site.yml"
    path.write_text(block("hosts: sensors"), encoding="utf-8")
    argv = (program, "-i", "kitchen,", "--syntax-check", str(path))
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=500, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_cloud_init_takes_the_user_data(tmp_path: Path):
    program = shutil.which("cloud-init")
    if program is None:
        pytest.skip("no cloud-init here (apt-get install cloud-init)")
    path = tmp_path / "user-data"
    path.write_text(block("#cloud-config"), encoding="utf-8")
    argv = (program, "schema", "--config-file", str(path))
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr

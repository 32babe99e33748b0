"""The console beside the demonstration."""

from __future__ import annotations

import re

import httpx

from emoedge.config import Settings
from emoedge.demo.console import console


def test_its_address_opens_it_and_it_ends_with_the_demonstration(tmp_path):
    settings = Settings.model_validate(
        {"device_id": "demo", "recording": {"dir": str(tmp_path)}, "paths": {"state": str(tmp_path)}}
    )
    said: list[str] = []
    with console(settings, tmp_path / "console", said.append):
        found = re.search(r"(http://127\.0\.0\.1:\d+)/#key=([\w-]{22})$", said[0])
        assert found
        with httpx.Client(base_url=found[1], timeout=120, trust_env=False) as client:
            assert "emoedge" in client.get("/").text
            assert client.post("/api/login", json={"key": found[2]}).status_code == 204
            assert client.get("/api/state").json()["device"] == "demo"
    try:
        httpx.get(found[1], timeout=5, trust_env=False)
    except httpx.TransportError:
        return
    raise AssertionError("it still listens")

"""First steps over the API."""

from __future__ import annotations

import pytest

from tests.web.conftest import start_console, stop

pytestmark = pytest.mark.timeout(600)


def test_a_device_that_nobody_has_set_up_says_so_until_it_is(tmp_path):
    def setup(client) -> bool:
        return client.get("/api/state").json()["setup"]

    (tmp_path / "emoedge.toml").write_text(
        f'[recording]\ndir = "{tmp_path / "recordings"}"\n[web]\nbind = "127.0.0.1:0"\n'
        f'[paths]\nstate = "{tmp_path / "daemon"}"\n'
    )
    console = start_console(tmp_path)
    try:
        with console.client(console.key) as client, console.client(console.view_key) as viewer:
            assert setup(client)
            assert client.patch("/api/settings", json={"language": "en"}).status_code == 200
            assert setup(client), "it goes on where it was left"
            assert viewer.post("/api/setup", json={"finished": True}).status_code == 403
            assert client.post("/api/setup", json={"finished": False}).status_code == 400
            assert client.post("/api/setup", json={"finished": True}).status_code == 204
            assert not setup(client)
    finally:
        stop(console)
    again = start_console(tmp_path)
    try:
        with again.client(again.key) as client:
            assert not setup(client), "also after the console was started again"
    finally:
        stop(again)


def test_a_device_set_up_by_hand_needs_no_first_steps(full):
    assert full.get("/api/state").json()["setup"] is False

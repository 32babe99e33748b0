"""A console that runs as a process of its own, and ways to speak to it."""

from __future__ import annotations

import itertools
import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from emoedge.web.access import AccessStore

_addresses = itertools.count(2)


@dataclass
class Console:
    """A running `emoedge web`."""

    process: subprocess.Popen
    port: int
    folder: Path
    key: str
    view_key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> AccessStore:
        return AccessStore(self.folder / "state")

    @property
    def recordings(self) -> Path:
        return self.folder / "recordings"

    def client(self, key: str | None = None, **options):
        """A client with an address of its own, so that no test uses up another one's rate."""
        number = next(_addresses)
        transport = httpx.HTTPTransport(local_address=f"127.0.{number // 250}.{number % 250 + 2}")
        headers = options.pop("headers", {})
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return httpx.Client(
            base_url=self.url, transport=transport, headers=headers, timeout=120, trust_env=False, **options
        )

    def connect(self) -> socket.socket:
        number = next(_addresses)
        one = socket.socket()
        one.settimeout(120)
        one.bind((f"127.0.{number // 250}.{number % 250 + 2}", 0))
        one.connect(("127.0.0.1", self.port))
        return one


def start_console(folder: Path, more: str = "", **environ: str) -> Console:
    """Start one; it listens when this returns."""
    for name in ("state", "recordings"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    config = folder / "emoedge.toml"
    if not config.exists():
        config.write_text(
            'device_id = "salon"\n'
            f'[camera]\nsource = "none"\n[microphone]\nsource = "none"\n'
            f'[recording]\ndir = "{folder / "recordings"}"\n'
            f'[paths]\nstate = "{folder / "daemon"}"\n'
            f'[web]\nbind = "127.0.0.1:0"\n{more}'
        )
    store = AccessStore(folder / "state")
    keys = store.make_key(), store.make_key("view")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EMOEDGE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "emoedge", "web", "--config", str(config)],
        env={**kept, "STATE_DIRECTORY": str(folder / "state"), "HOME": str(folder), **environ},
        stderr=subprocess.PIPE,
        text=True,
    )
    line = process.stderr.readline()
    found = re.search(r"port (\d+)", line)
    assert found, line + process.stderr.read()
    return Console(process, int(found[1]), folder, *keys)


def stop(console: Console) -> str:
    console.process.terminate()
    console.process.wait(120)
    return console.process.stderr.read()


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    one = start_console(tmp_path_factory.mktemp("console"))
    yield one
    stop(one)


@pytest.fixture
def full(console):
    with console.client(console.key) as client:
        yield client


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The pages share one browser and one daemon: their tests keep the order of the file."""
    places = [place for place, item in enumerate(items) if item.path.parts[-2:] == ("web", "test_browser.py")]
    ordered = sorted((items[place] for place in places), key=lambda item: item.reportinfo()[1])
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    pytest.importorskip("websockets")
    from tests.report.browser import Browser

    one = Browser(tmp_path_factory.mktemp("profile"), loopback=True)
    yield one
    one.close()

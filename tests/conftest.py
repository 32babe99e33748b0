"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Small boards and busy machines are slow: a deadline would fail for no fault of the code.
settings.register_profile("fast", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=1000)
# The same examples in every run, so that a red one can be repeated; other runs look for new ones.
settings.register_profile("ci", deadline=None, max_examples=40, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "fast"))

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def own_records(tmp_path_factory) -> None:
    """The records of privacy outside the state folder: not those of this machine, also for processes of a
    test."""
    for name in ("RUNTIME_DIRECTORY", "CACHE_DIRECTORY"):
        os.environ[name] = str(tmp_path_factory.mktemp(name.lower()))


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Folder with data and clips that are not part of the repository; tests that need it skip without it."""
    path = Path(os.environ.get("EMOEDGE_SHARED", REPOSITORY.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"no shared data at {path} (set EMOEDGE_SHARED)")
    return path


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def portrait() -> Path:
    """A picture with one face that is free to use: the public-domain portrait of the demo."""
    return REPOSITORY / "emoedge" / "data" / "demo" / "portrait.jpg"

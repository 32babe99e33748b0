"""Hostile configuration: whatever the file or the environment holds, a ConfigError or settings come out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from emoedge.characters import hidden_character
from emoedge.config import Settings, load_settings
from emoedge.errors import ConfigError
from scripts.config_reference import reference_toml

REFERENCE = reference_toml()
KEYS = sorted(
    f"{section}__{key}".rstrip("_").upper()
    for section, content in Settings().model_dump().items()
    for key in (content if isinstance(content, dict) else [""])
)

INVISIBLE = ("a\r", "a\xa0b", "\u200b", "verde\b0sque", "a\u202eb", "\ufeff", " a", "a\nb", "\x1b[2J")
SOURCES = (
    "0",
    "webcam",
    "RTSP://cam/1",
    "gst:",
    "file:",
    "rtsp://",
    "rtsp://u:p@@h:/x",
    "tcp://:1",
    "hw:",
    "/dev/",
)
scalars = st.one_of(
    st.booleans().map(lambda value: str(value).lower()),
    st.integers(min_value=-(10**30), max_value=10**30).map(str),
    st.floats().map(str),
    st.text(max_size=12).map(lambda text: "'''" + text.replace("'", "") + "'''"),
    st.sampled_from([json.dumps(text) for text in (*INVISIBLE, *SOURCES)]),
    st.sampled_from(["[]", "{}", "[[1]]", "1979-05-27", "07:32:00", "0xdead", "nan", "-inf", '""']),
)
names = st.sampled_from([name.lower().replace("__", ".") for name in KEYS] + ["x", "mqtt", "a.b.c", '""'])
documents = st.one_of(
    st.text(max_size=60),
    st.lists(st.tuples(names, scalars), max_size=4).map(
        lambda pairs: "\n".join(f"{name} = {value}" for name, value in pairs)
    ),
    st.builds(
        lambda at, length, new: REFERENCE[:at].replace("\n#", "\n") + new + REFERENCE[at + length :],
        st.integers(0, len(REFERENCE)),
        st.integers(0, 40),
        st.text(max_size=10),
    ),
)
variables = st.dictionaries(
    st.one_of(
        st.sampled_from([f"EMOEDGE_{key}" for key in KEYS]),
        st.text(st.characters(exclude_characters="=\0"), max_size=12).map(lambda text: f"EMOEDGE_{text}"),
    ),
    st.one_of(
        st.text(st.characters(exclude_characters="\0"), max_size=30),
        st.sampled_from((*INVISIBLE, *SOURCES)),
    ),
    max_size=4,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "emoedge.toml"


def load(path: Path, environ: dict[str, str]) -> None:
    try:
        result: Settings | ConfigError = load_settings(path, environ)
    except ConfigError as error:
        result = error
    if isinstance(result, ConfigError):
        assert result.message
        assert len(str(result)) < 20_000
    else:
        assert 1 <= result.mqtt.port <= 65535
        assert 0 <= result.fusion.margin <= 1
        assert not set("+#/\0 ") & set(result.device_id)
        for text in (result.device_id, result.mqtt.host, result.mqtt.base, result.camera.source):
            assert not hidden_character(text)


def check_text(path: Path, document: str) -> None:
    path.write_bytes(document.encode("utf-8", "surrogatepass"))
    load(path, {})


@given(document=documents)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text(path: Path, document: str) -> None:
    check_text(path, document)


@given(content=st.binary(max_size=300))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    load(path, {})


@given(environ=variables)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_environment(environ: dict[str, str]) -> None:
    load(Path("/dev/null"), environ)


many = settings(
    max_examples=1,
    deadline=None,
    database=None,
    derandomize=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_eight_thousand_texts(path: Path) -> None:
    @seed(0)
    @settings(many, max_examples=8_000)
    @given(document=documents)
    def run(document: str) -> None:
        check_text(path, document)

    run()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_thousand_environments() -> None:
    @seed(1)
    @settings(many, max_examples=2_000)
    @given(environ=variables)
    def run(environ: dict[str, str]) -> None:
        load(Path("/dev/null"), environ)

    run()

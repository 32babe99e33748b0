"""Keys, password, sessions."""

from __future__ import annotations

import pytest

from emoedge.errors import EmoedgeError
from emoedge.web.access import MAX_SESSIONS, AccessStore


class Wall:
    now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def store(tmp_path, wall) -> AccessStore:
    return AccessStore(tmp_path / "state", session_days=30, now=wall)


def test_nothing_secret_is_kept(store):
    key, view = store.make_key(), store.make_key("view")
    store.set_password("correct horse battery")
    token = store.open_session("full", "127.0.0.1")
    text = store.path.read_text()
    for secret in (key, view, token, "correct horse battery"):
        assert secret not in text
    assert len(key) >= 22, "128 bits"
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert (store.access_of_key(key), store.access_of_key(view)) == ("full", "view")


@pytest.mark.parametrize("wrong", ["", "x", " ", "\x00", "\udce9", "x" * 10_000])
def test_wrong_ones(store, wrong):
    assert store.access_of_key(wrong) is None
    assert not store.is_password(wrong)
    assert store.access_of_session(wrong) is None
    store.make_key()
    store.set_password("correct horse battery")
    assert store.access_of_key(wrong) is None
    assert not store.is_password(wrong)


def test_password(store):
    store.set_password("contraseña muy larga")
    assert store.is_password("contraseña muy larga")
    store.set_password(None)
    assert not store.is_password("contraseña muy larga")
    for bad in ("short", "x" * 2000):
        with pytest.raises(EmoedgeError, match="characters"):
            store.set_password(bad)


def test_a_password_of_the_configuration(tmp_path):
    store = AccessStore(tmp_path, password="from the credential")
    assert store.is_password("from the credential")
    assert not store.is_password("another password")


def test_sessions_end(store, wall):
    token = store.open_session("view", "10.0.0.7")
    assert store.access_of_session(token) == "view"
    wall.now_s += 29 * 86_400
    assert store.access_of_session(token) == "view", "used meanwhile"
    wall.now_s += 29 * 86_400
    assert store.access_of_session(token) == "view"
    assert [one.address for one in store.sessions()] == ["10.0.0.7"]
    wall.now_s += 31 * 86_400
    assert store.access_of_session(token) is None
    assert store.sessions() == []
    store.end_session(store.open_session("full", "x"))
    store.open_session("full", "x")
    assert store.end_sessions() == 1
    assert store.sessions() == []


def test_another_process_changes_the_file(store, tmp_path, wall):
    other = AccessStore(tmp_path / "state", now=wall)
    key = other.make_key()
    assert store.access_of_key(key) == "full"
    token = store.open_session("full", "x")
    assert other.access_of_session(token) == "full"
    new = other.make_key()
    assert store.access_of_session(token) is None
    assert (store.access_of_key(key), store.access_of_key(new)) == (None, "full")


def test_sessions_are_bounded(store, wall):
    tokens = []
    for _ in range(MAX_SESSIONS + 1):
        wall.now_s += 1
        tokens.append(store.open_session("full", "x"))
    assert len(store.sessions()) == MAX_SESSIONS
    assert store.access_of_session(tokens[0]) is None
    assert store.access_of_session(tokens[-1]) == "full"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "\xff", '{"keys": 3}', '{"keys": {"full": []}, "sessions": 5}']
)
def test_a_damaged_file_lets_nobody_in(store, text):
    store.make_key()
    store.path.write_text(text)
    with pytest.raises(EmoedgeError) as caught:
        store.access_of_key("x")
    assert "emoedge web key" in caught.value.remedy
    with pytest.raises(EmoedgeError):
        store.access_of_session("x")
    with pytest.raises(EmoedgeError):
        store.is_password("")

"""Access to the console: keys, password and sessions, kept as hashes in `web.json`."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emoedge.config.web_settings import MIN_PASSWORD
from emoedge.errors import EmoedgeError
from emoedge.files import parse_json, read_small, to_json, write_atomically
from emoedge.translation import tr

Access = Literal["full", "view"]
Digest = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2})+$")]

STATE_FOLDER: Final = Path("/var/lib/emoedge-web")
"""State folder of the service (`StateDirectory=emoedge-web`)."""
FILE_NAME: Final = "web.json"
MAX_FILE_BYTES: Final = 256 * 1024
"""Maximum size of `web.json`: some hundred sessions have 60 kB."""
KEY_BYTES: Final = 16
"""Random bytes of a key: 128 bits cannot be guessed, so that one round of SHA-256 is enough."""
SESSION_BYTES: Final = 32
MAX_PASSWORD: Final = 1024
"""Maximum number of characters of a password or key: nothing longer is hashed."""
MAX_SESSIONS: Final = 100
"""Beyond this the session that was used least recently ends."""
TOUCH_S: Final = 3600.0
"""Interval between two writes of when a session was last used, in seconds."""
DAY_S: Final = 86_400.0
_SCRYPT: Final = {"n": 2**14, "r": 8, "p": 5}
"""Cost of the password's hash (RFC 7914): 16 MB, some 0.2 s on a Raspberry Pi 4.
OWASP's Password Storage Cheat Sheet names these values."""


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _KeptKey(_Kept):
    hash: Digest
    made: float


class _KeptPassword(_Kept):
    salt: Digest
    hash: Digest
    n: int
    r: int
    p: int


class _KeptSession(_Kept):
    access: Access
    created: float
    used: float
    address: str


class _File(_Kept):
    """Content of `web.json`."""

    schema_: Literal[1] = Field(1, alias="schema")
    keys: dict[Access, _KeptKey] = {}
    password: _KeptPassword | None = None
    sessions: dict[Digest, _KeptSession] = {}
    set_up: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is logged in.

    Attributes:
        access: what it may do.
        created_s: when it logged in, seconds since 1970.
        used_s: when it was last used, to the hour.
        address: where it logged in from.
    """

    access: Access
    created_s: float
    used_s: float
    address: str


class AccessStore:
    """Keys, password and sessions in `web.json`; safe among processes.

    Args:
        folder: where the file is kept; it is made when it does not exist.
        session_days: days after which a session ends that was not used.
        password: a password from the configuration, used beside the one of the file; None for none.
        now: wall clock in seconds since 1970; for tests.
    """

    def __init__(
        self,
        folder: Path,
        *,
        session_days: float = 30.0,
        password: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = folder / FILE_NAME
        self._session_s = session_days * DAY_S
        self._password = password
        self._now = now
        self._seen: tuple[int, int, int] | None = None
        self._values: dict[str, Any] = {}

    # ---- the first run ----

    @property
    def setup_is_finished(self) -> bool:
        """Whether somebody has gone through `/setup`."""
        return self._read().get("set_up") is True

    def finish_setup(self) -> None:
        """Keep that the first run is over. Raises OSError."""
        with self._changing() as values:
            values["set_up"] = True

    # ---- keys and password ----

    def make_key(self, access: Access = "full") -> str:
        """Make a key, which ends the sessions of the old one; the key itself is not kept. Raises OSError."""
        key = secrets.token_urlsafe(KEY_BYTES)
        with self._changing() as values:
            values.setdefault("keys", {})[access] = {"hash": _digest(key), "made": round(self._now())}
            values["sessions"] = {
                name: one for name, one in values.get("sessions", {}).items() if one.get("access") != access
            }
        return key

    def has_key(self, access: Access = "full") -> bool:
        """Return whether a key was made."""
        return access in self._read().get("keys", {})

    def set_password(self, password: str | None) -> None:
        """Keep the hash of a password, or remove it, which ends the sessions of full access.

        Raises:
            EmoedgeError: it is too short or too long.
            OSError: the file cannot be written.
        """
        if password is not None and not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise EmoedgeError(
                tr(
                    "the password has {count} character",
                    "the password has {count} characters",
                    count=len(password),
                ),
                tr(
                    "choose a password of {least} to {most} characters", least=MIN_PASSWORD, most=MAX_PASSWORD
                ),
            )
        with self._changing() as values:
            values.pop("password", None)
            if password is not None:
                salt = secrets.token_bytes(16)
                values["password"] = {"salt": salt.hex(), "hash": _scrypt(password, salt), **_SCRYPT}
            values["sessions"] = {
                name: one for name, one in values.get("sessions", {}).items() if one.get("access") != "full"
            }

    def access_of_key(self, key: str) -> Access | None:
        """Return the access of a key, or None for a wrong one; takes the same time for every wrong one."""
        digest = _digest(key[:MAX_PASSWORD])
        keys = self._read().get("keys", {})
        found: Access | None = None
        kinds: tuple[Access, ...] = ("view", "full")
        for access in kinds:
            kept = keys.get(access, {}).get("hash", "")
            if hmac.compare_digest(digest, str(kept)):
                found = access
        return found

    def is_password(self, password: str) -> bool:
        """Return whether a password is right; takes as long where there is none."""
        password = password[:MAX_PASSWORD]
        kept = self._read().get("password", {})
        salt = bytes.fromhex(str(kept.get("salt", "00")))
        is_kept = hmac.compare_digest(_scrypt(password, salt), str(kept.get("hash", "")))
        configured = self._password
        is_configured = hmac.compare_digest(_digest(password), _digest(configured or secrets.token_hex()))
        return is_kept or is_configured

    # ---- sessions ----

    def open_session(self, access: Access, address: str) -> str:
        """Begin a session and return its token, which is not kept. Raises OSError."""
        token = secrets.token_urlsafe(SESSION_BYTES)
        now_s = self._now()
        with self._changing() as values:
            sessions = values.setdefault("sessions", {})
            for name in [name for name, one in sessions.items() if not self._is_valid(one)]:
                del sessions[name]
            while len(sessions) >= MAX_SESSIONS:
                del sessions[min(sessions, key=lambda name: sessions[name]["used"])]
            sessions[_digest(token)] = {
                "access": access, "created": round(now_s), "used": round(now_s), "address": address,
            }  # fmt: skip
        return token

    def access_of_session(self, token: str) -> Access | None:
        """Return the access of a session, or None when it is unknown or has ended."""
        digest = _digest(token[:MAX_PASSWORD])
        found = self._read().get("sessions", {}).get(digest)
        if not isinstance(found, dict) or not self._is_valid(found):
            return None
        if self._now() - found["used"] > TOUCH_S:
            with self._changing() as values:
                if one := values.get("sessions", {}).get(digest):
                    one["used"] = round(self._now())
        return "full" if found["access"] == "full" else "view"

    def end_session(self, token: str) -> None:
        """End one session. Raises OSError."""
        with self._changing() as values:
            values.get("sessions", {}).pop(_digest(token[:MAX_PASSWORD]), None)

    def end_sessions(self) -> int:
        """End all sessions; returns how many there were. Raises OSError."""
        with self._changing() as values:
            count = sum(self._is_valid(one) for one in values.get("sessions", {}).values())
            values["sessions"] = {}
        return count

    def sessions(self) -> list[Session]:
        """The sessions that have not ended, the oldest first."""
        found = [one for one in self._read().get("sessions", {}).values() if self._is_valid(one)]
        return sorted(
            (Session(one["access"], one["created"], one["used"], one["address"]) for one in found),
            key=lambda session: session.created_s,
        )

    def _is_valid(self, session: dict[str, Any]) -> bool:
        # Without its own battery the clock may be years behind after a start: that ends no session.
        return self._now() - float(session.get("used", 0)) <= self._session_s

    # ---- the file ----

    def _read(self) -> dict[str, Any]:
        """Content of the file; read again when another process has changed it."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._seen, self._values = None, {}
            return self._values
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if seen != self._seen:
            try:
                kept = _File.model_validate(parse_json(read_small(self.path, MAX_FILE_BYTES)))
            except ValueError as error:
                what = tr("its checksum does not match") if isinstance(error, ValidationError) else str(error)
                raise EmoedgeError(
                    tr("{path} is damaged: {what}", path=self.path, what=what),
                    tr("delete it, then run: emoedge web key"),
                ) from None
            self._values = kept.model_dump(by_alias=True, exclude_none=True)
            self._seen = seen
        return self._values

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """The content, written when the block ends; one process at a time."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        folder = os.open(self.path.parent, flags)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            self._seen = None
            values = dict(self._read())
            yield values
            write_atomically(self.path, to_json(values | {"schema": 1}), mode=0o600, prepare=give_to_owner)
            self._seen = None
        finally:
            os.close(folder)


def give_to_owner(partial: Path) -> None:
    """Give a file to the owner of its folder: what root's commands write there, the service reads."""
    owner = partial.parent.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        shutil.chown(partial, owner.st_uid, owner.st_gid)


def state_folder() -> Path:
    """Folder of `web.json`: systemd's, the service's where this user may write to it, or the user's own.

    Raises:
        EmoedgeError: the service's folder is closed to this user.
    """
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    if STATE_FOLDER.is_dir():
        if os.access(STATE_FOLDER, os.W_OK | os.X_OK):
            return STATE_FOLDER
        raise EmoedgeError(
            tr("{folder}: closed to this user", folder=STATE_FOLDER), tr("run the command again with sudo")
        )
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path(os.environ.get("HOME") or "/root") / ".local/state") / "emoedge-web"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _scrypt(password: str, salt: bytes) -> str:
    return hashlib.scrypt(
        password.encode(errors="surrogatepass"), salt=salt, maxmem=64 * 1024 * 1024, **_SCRYPT
    ).hex()

"""PortAudio through PyAudio: silent start-up, inputs by stable names."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from emoedge.errors import DeviceError
from emoedge.translation import tr

logger = logging.getLogger(__name__)

_CARD_NUMBER: Final = re.compile(r"\s*\(hw:(\d+),(\d+)\)$")
"""Position of the number of the ALSA card in PortAudio's names; it depends on the order of plugging in."""
_ADDRESS: Final = re.compile(r"(?:plug)?hw:(?:CARD=)?([^,=]+)(?:,(?:DEV=)?(\d+))?")
"""Device names as ALSA's own tools write them: hw:1,0, hw:Device,0, plughw:CARD=Device,DEV=0."""
_ASOUND: Final = Path("/proc/asound")
_BRIDGES: Final = ("pulse", "pipewire", "default")
"""Inputs that lead to the system's default device; `auto` prefers them."""
_START_LOCK: Final = threading.Lock()
_kept_alive: Final[list[Any]] = []


@dataclass(frozen=True, slots=True)
class InputDevice:
    """A sound input.

    Attributes:
        name: stable name, to be put in the configuration.
        index: PortAudio's number, valid until PortAudio is re-initialised.
        channels: the most it has.
        rate_hz: its own rate.
        default: whether it is the system's default.
        address: ALSA's stable address ("hw:Device,0"), empty for inputs that are not hardware.
    """

    name: str
    index: int
    channels: int
    rate_hz: int
    default: bool = False
    address: str = ""

    @property
    def full_name(self) -> str:
        """Name that distinguishes it from others of the same kind, connected or not."""
        return f"{self.name} ({self.address})" if self.address not in self.name else self.name


@contextmanager
def audio_system() -> Iterator[Any]:
    """A fresh PyAudio object: PortAudio looks for devices only when it starts.

    Raises:
        DeviceError: PyAudio is missing or finds no sound system.
    """
    system = start_audio()
    try:
        yield system
    finally:
        system.terminate()


def start_audio() -> Any:
    """As `audio_system`, to be ended with `terminate()`."""
    try:
        import pyaudio
    except ImportError as error:
        raise DeviceError(
            tr("PyAudio: {error}", error=error), tr("install portaudio19-dev and pip install pyaudio")
        ) from error
    with _START_LOCK:
        _hush()
        try:
            return pyaudio.PyAudio()
        except OSError as error:
            raise DeviceError(
                tr("sound system: {error}", error=error), tr("check that ALSA or PulseAudio works")
            ) from error


def fingerprint() -> str:
    """Return a value that changes whenever a sound card, a sound server or a user of a card comes or goes."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    named = os.environ.get("PULSE_SERVER", "").removeprefix("unix:")
    sockets = [Path(runtime, "pulse/native"), Path(runtime, "pipewire-0"), *([Path(named)] if named else [])]
    return "|".join([_first_lines(_ASOUND / "cards", 64), *capture_users(), *map(_identity, sockets)])


def capture_users() -> list[str]:
    """Return hardware inputs that a program has open, such as "hw:Device,0 by process 812".

    PortAudio leaves these out of its list of devices.
    """
    found = []
    for status in sorted(_ASOUND.glob("card*/pcm*c/sub*/status")):
        owner = re.search(r"^owner_pid\s*:\s*(\d+)", _first_lines(status, 4), re.MULTILINE)
        if owner is not None:
            device = status.parent.parent.name.removeprefix("pcm").removesuffix("c")
            card = status.parent.parent.parent.name.removeprefix("card")
            found.append(f"{_address(card, device)} by process {owner[1]}")
    return found


def _address(card: str, device: str) -> str:
    """By the card's identifier, which does not depend on the order of plugging in."""
    return f"hw:{_first_lines(_ASOUND / f'card{card}' / 'id', 1) or card},{device}"


def _first_lines(path: Path, count: int) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[:count])
    except OSError:
        return ""


def _identity(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:
        return ""
    return f"{state.st_ino} {state.st_ctime_ns}"


def inputs(system: Any) -> list[InputDevice]:
    """Return all audio inputs; equal names get ALSA's address, or else " #2", " #3" and so on."""
    try:
        default = int(system.get_default_input_device_info()["index"])
    except OSError:
        default = -1
    found: list[InputDevice] = []
    for index in range(system.get_device_count()):
        info = system.get_device_info_by_index(index)
        if info["maxInputChannels"] < 1:
            continue
        card = _CARD_NUMBER.search(str(info["name"]))
        name = _CARD_NUMBER.sub("", str(info["name"])).strip()
        address = _address(card[1], card[2]) if card else ""
        channels, rate_hz = int(info["maxInputChannels"]), int(info["defaultSampleRate"])
        found.append(InputDevice(name, index, channels, rate_hz, index == default, address))
    return _told_apart(found)


def _told_apart(found: list[InputDevice]) -> list[InputDevice]:
    times = Counter(device.name for device in found)
    seen: Counter[str] = Counter()
    apart = []
    for device in found:
        seen[device.name] += 1
        name = device.name
        if times[name] > 1 and device.address:
            name = device.full_name
        elif seen[name] > 1:
            name = f"{name} #{seen[name]}"
        apart.append(replace(device, name=name))
    return apart


def choose(found: list[InputDevice], wanted: str) -> InputDevice:
    """The input named in the configuration: a name, a unique part of one, an ALSA address, or "auto".

    Raises:
        DeviceError: none, or more than one.
    """
    if not found:
        raise DeviceError(tr("no microphone"), tr("plug one in, or set microphone.source to none"))
    if wanted == "auto":
        bridges = [device for device in found if device.name in _BRIDGES]
        return next((device for device in found if device.default), (bridges or found)[0])
    address = _ADDRESS.fullmatch(wanted)
    if address is not None:
        card, number = address[1], address[2] or "0"
        meant = _address(card, number) if card.isdecimal() else f"hw:{card},{number}"
        exact = [device for device in found if device.address == meant]
    else:
        exact = [device for device in found if wanted in (device.name, device.full_name)]
    part = [device for device in found if wanted.lower() in device.name.lower()]
    matches = exact or part
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(device.name for device in matches)
        raise DeviceError(
            tr("microphone {wanted!r} could be any of: {names}", wanted=wanted, names=names),
            tr("write the whole name"),
        )
    raise DeviceError(
        tr("no microphone {wanted!r}", wanted=wanted), tr("plug it in, or choose one from: emoedge devices")
    )


def _hush() -> None:
    """Keep ALSA and JACK from writing pages to standard error for every missing device."""
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    if _kept_alive:
        return
    alsa_handler = ctypes.CFUNCTYPE(
        None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
    )(lambda *_: None)
    jack_handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(lambda _: None)
    # The libraries keep the pointers for good.
    _kept_alive.extend((alsa_handler, jack_handler))
    for library, functions, handler in (
        ("libasound.so.2", ("snd_lib_error_set_handler",), alsa_handler),
        ("libjack.so.0", ("jack_set_error_function", "jack_set_info_function"), jack_handler),
    ):
        try:
            loaded = ctypes.CDLL(library)
            for function in functions:
                getattr(loaded, function)(handler)
        except (OSError, AttributeError) as error:
            logger.debug("not silenced: %s", error)

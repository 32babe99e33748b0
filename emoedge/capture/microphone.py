"""Microphones through PyAudio: native rate in, blocks of 16 kHz mono out, on the monotonic clock."""

from __future__ import annotations

import queue
import statistics
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.capture.blocks import BLOCK_S, BLOCK_SAMPLES
from emoedge.capture.clock_offset import StreamAnchor
from emoedge.capture.portaudio import (
    InputDevice,
    capture_users,
    choose,
    fingerprint,
    inputs,
    start_audio,
)
from emoedge.capture.source import READ_TIMEOUT_S, Closing
from emoedge.errors import DeviceError
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock
from emoedge.translation import tr

QUEUE_BLOCKS: Final = 100
"""Length of the queue between PortAudio's thread and ours: ten seconds, the longest pause seen on a busy
Pi."""
FIRST_AFTER_S: Final = 6.0
"""Maximum seconds to the first audio: an idle sound server can take two, Bluetooth takes longer."""
LOST_AFTER_S: Final = 2.0
"""Seconds without a callback after which the sound server or the device is gone: PortAudio does not report
it."""
LATENCY_LIMIT_S: Final = 1.0
"""PortAudio's claims beyond this are wrong (some ALSA plugins fill in nothing)."""
GAP_S: Final = 0.25
"""Arrivals that lag behind the count of samples by more, block after block, mean that samples were lost."""
LEAST_GAP_S: Final = 0.005
"""The same where the device itself reports a loss: anything longer than its jitter."""
INPUT_OVERFLOW: Final = 2  # paInputOverflow, portaudio.h
CONTINUE: Final = 0  # paContinue
ABSENT_HOLD_S: Final = 300.0
"""Each start of PortAudio 19.6 leaks 12 KB, 70 MB a day at the pace of our retries: while neither a card
nor a sound server has come or gone, a microphone that was not there is looked for this rarely."""
BUSY_HOLD_S: Final = 60.0
"""The same for one that is there and cannot be opened: another program may end without a trace."""
LATENCIES: Final = 30
"""Number of chunks whose median latency is used: three seconds."""
SLEW_S: Final = 0.005
"""Maximum seconds between the time of a block and the end of the previous one; corrections remain
inaudible."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Audio from one callback of PortAudio.

    Attributes:
        samples: int16 (n,) at the device's rate.
        time_s: when its first sample was captured at the latest: its arrival less its length.
        latency_s: how much earlier than that PortAudio says it was captured.
        overflowed: sound was lost right before it.
    """

    samples: NDArray[np.int16]
    time_s: float
    latency_s: float = 0.0
    overflowed: bool = False


class SoundTimeline:
    """Chunks of a device to blocks of 16 kHz with steady times and known gaps. No device, no threads.

    Samples are counted; the count is placed on the monotonic clock by the least delayed chunks, and
    moved back by the usual latency. The reported latencies do not affect what counts as lost: sound
    servers change them by tenths of a second while they settle.

    Args:
        rate_hz: the device's rate.
    """

    def __init__(self, rate_hz: int) -> None:
        import soxr

        self._rate_hz = rate_hz
        self._resample: Any = None
        if rate_hz != SAMPLE_RATE_HZ:
            self._resample = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="int16", quality="HQ")
        self._anchor = StreamAnchor(jump_s=GAP_S)
        self._latencies_s: deque[float] = deque(maxlen=LATENCIES)
        self._taken = 0
        self._offset_s: float | None = None
        self._rest: NDArray[np.int16] = np.empty(0, np.int16)
        self._given = 0
        self._gap_s = 0.0
        self._last_end_s: float | None = None

    def push(self, chunk: Chunk) -> list[AudioBlock]:
        """Blocks that are complete now."""
        counted_s = self._taken / self._rate_hz
        before_s = self._offset_s
        offset_s = self._anchor.place(counted_s, chunk.time_s, lost=chunk.overflowed) - counted_s
        blocks = []
        least_s = LEAST_GAP_S if chunk.overflowed else GAP_S
        if before_s is not None and offset_s - before_s > least_s:
            if len(self._rest):  # what was heard before the hole ends there
                blocks.append(self._block(len(self._rest)))
            self._gap_s += offset_s - before_s
        self._offset_s = offset_s
        self._latencies_s.append(chunk.latency_s)
        self._taken += len(chunk.samples)
        samples = chunk.samples
        if self._resample is not None:
            samples = np.asarray(self._resample.resample_chunk(samples), dtype=np.int16).reshape(-1)
        self._rest = np.concatenate([self._rest, samples])
        while len(self._rest) >= BLOCK_SAMPLES:
            blocks.append(self._block(BLOCK_SAMPLES))
        return blocks

    def _block(self, count: int) -> AudioBlock:
        assert self._offset_s is not None
        samples, self._rest = self._rest[:count], self._rest[count:]
        time_s = self._given / SAMPLE_RATE_HZ + self._offset_s - statistics.median(self._latencies_s)
        if self._last_end_s is not None and not self._gap_s:
            # Corrections are spread over blocks, so that these join for everyone behind.
            time_s = min(max(time_s, self._last_end_s - SLEW_S), self._last_end_s + SLEW_S)
        gap_s, self._gap_s = self._gap_s, 0.0
        self._given += count
        self._last_end_s = time_s + count / SAMPLE_RATE_HZ
        return AudioBlock(time_s, samples, gap_s)


@dataclass(frozen=True, slots=True)
class _Failure:
    """A failure to open a source, which is not repeated until something changes or time has passed."""

    message: str
    remedy: str
    fingerprint: str
    until_s: float

    def holds(self) -> bool:
        return time.monotonic() < self.until_s and fingerprint() == self.fingerprint


class Microphone(Closing):
    """An audio input. PortAudio is re-initialised on every open, so replugged devices are found.

    Args:
        source: "auto", or a name as `emoedge.capture.devices.list_microphones` gives it.
    """

    _failures: ClassVar[dict[str, _Failure]] = {}

    def __init__(self, source: str = "auto") -> None:
        self._source = source
        self._system: Any = None
        self._stream: Any = None
        self._device: InputDevice | None = None
        self._channels = 1
        self._chunks: queue.Queue[Chunk] = queue.Queue(QUEUE_BLOCKS)
        self._overrun = False
        self._timeline: SoundTimeline | None = None
        self._ready: list[AudioBlock] = []
        self._heard_s = 0.0

    def open(self) -> None:
        """Acquire the microphone at its own rate."""
        before = self._failures.get(self._source)
        if before is not None and before.holds():
            raise DeviceError(before.message, before.remedy)
        seen = fingerprint()  # before the search: a device that appears during it must count as new
        self._system = start_audio()
        hold_s = ABSENT_HOLD_S
        try:
            self._device = self._find()
            hold_s = BUSY_HOLD_S
            self._timeline = SoundTimeline(self._device.rate_hz)
            self._stream = self._open_stream(self._device)
        except DeviceError as error:
            self._failures[self._source] = _Failure(
                error.message, error.remedy, seen, time.monotonic() + hold_s
            )
            self.close()
            raise
        self._failures.pop(self._source, None)
        # Counts as heard at a time that gives the first sound longer than all others.
        self._heard_s = time.monotonic() + FIRST_AFTER_S - LOST_AFTER_S

    def read(self, timeout_s: float = READ_TIMEOUT_S) -> AudioBlock | None:
        """Return the next block."""
        assert self._timeline is not None, "not open"
        deadline_s = time.monotonic() + timeout_s
        while not self._ready:
            try:
                chunk = self._chunks.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                self._check_alive()
                raise TimeoutError from None
            self._heard_s = time.monotonic()
            self._ready = self._timeline.push(chunk)
        return self._ready.pop(0)

    def close(self) -> None:
        """Release the device and end PortAudio."""
        stream, self._stream = self._stream, None
        system, self._system = self._system, None
        if stream is not None:
            with suppress(OSError):  # a device that is gone cannot be closed properly
                stream.close()
        if system is not None:
            system.terminate()
        self._ready = []

    def describe(self) -> str:
        """Name and rate."""
        device = self._device
        return f"{device.name}, {device.rate_hz} Hz" if device else self._source

    def _find(self) -> InputDevice:
        try:
            return choose(inputs(self._system), self._source)
        except DeviceError as error:
            users = capture_users()  # PortAudio does not list what another program has open
            if not users:
                raise
            raise DeviceError(
                tr("{message}; in use: {users}", message=error.message, users=", ".join(users)),
                tr("end the program that uses it, or {remedy}", remedy=error.remedy),
            ) from error

    def _open_stream(self, device: InputDevice) -> Any:
        import pyaudio

        failure: Exception | None = None
        # Many USB devices offer only stereo, which is then mixed down here.
        for channels in dict.fromkeys((1, 2, device.channels)):
            if channels > device.channels:
                continue
            self._channels = channels
            try:
                return self._system.open(
                    rate=device.rate_hz,
                    channels=channels,
                    format=pyaudio.paInt16,
                    input=True,
                    input_device_index=device.index,
                    frames_per_buffer=round(device.rate_hz * BLOCK_S),
                    stream_callback=self._heard,
                )
            except (OSError, ValueError) as error:
                failure = error
        raise DeviceError(
            tr("microphone {name!r} cannot be opened: {failure}", name=device.name, failure=failure),
            tr("end the program that uses it, or add the user to the group audio"),
        )

    def _heard(self, data: bytes, count: int, times: dict[str, float], status: int) -> tuple[None, int]:
        """PortAudio's thread: stamp and hand over, nothing else."""
        now_s = time.monotonic()
        claimed_s = times["current_time"] - times["input_buffer_adc_time"]
        # PortAudio's clock may be the wall clock, so only the difference of two of its times is used.
        least_s = count / (self._device.rate_hz if self._device else SAMPLE_RATE_HZ)
        latency_s = claimed_s - least_s if least_s <= claimed_s < LATENCY_LIMIT_S else 0.0
        samples = np.frombuffer(data, np.int16)
        if self._channels > 1:
            samples = samples.reshape(-1, self._channels).mean(axis=1).astype(np.int16)
        overflowed = self._overrun or bool(status & INPUT_OVERFLOW)
        try:
            self._chunks.put_nowait(Chunk(samples, now_s - least_s, latency_s, overflowed))
            self._overrun = False
        except queue.Full:
            self._overrun = True
        return None, CONTINUE

    def _check_alive(self) -> None:
        quiet_s = time.monotonic() - self._heard_s
        try:
            active = bool(self._stream.is_active())
        except OSError:
            active = False
        if not active or quiet_s > LOST_AFTER_S:
            raise DeviceError(
                tr("microphone {describe!r}: the audio has stopped", describe=self.describe()),
                tr("check the cable and the sound server"),
            )

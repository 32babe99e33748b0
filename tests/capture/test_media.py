"""Media files: times, colours, rates, and what is no media."""

from __future__ import annotations

import gc
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from emoedge.capture.container import decoded
from emoedge.capture.convert import Orientation
from emoedge.capture.media import MediaReader, probe, read_image, read_sound
from emoedge.errors import MediaError
from emoedge.frames import AudioBlock, Frame, PlanarFrame

from .clips import CLAP_S, FPS, clap_sound, onset_s, sine, tone_hz, write_clip

SYNC_S = 0.04


def flash_s(frames: list[Frame]) -> float:
    return next(frame.time_s for frame in frames if frame.luma[:40].mean() > 128)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("bframes.mp4", {"codec": "libx264", "options": {"bf": "3"}}),
        ("late.ts", {"codec": "libx264", "start_s": 7.0}),
        ("late.mkv", {"codec": "libx264", "start_s": 3.0}),
        ("ps.mpg", {"codec": "mpeg2video", "sound_codec": "mp2"}),
        ("raw.avi", {"codec": "mjpeg", "pixels": "yuvj420p", "sound_codec": "pcm_s16le"}),
        ("bframes.avi", {"codec": "libx264", "options": {"bf": "2"}, "sound_codec": "pcm_s16le"}),
    ],
)
def test_flash_and_beep_come_at_their_media_time(tmp_path: Path, name: str, options: dict) -> None:
    path = write_clip(tmp_path / name, sound=clap_sound(48000, 2.0), **options)
    reader = MediaReader(path)
    frames = list(reader.frames())
    assert flash_s(frames) == pytest.approx(CLAP_S, abs=SYNC_S)
    assert onset_s(read_sound(path)) == pytest.approx(CLAP_S, abs=SYNC_S)
    assert abs(flash_s(frames) - onset_s(read_sound(path))) < SYNC_S


def test_variable_frame_rate_keeps_the_true_times(tmp_path: Path) -> None:
    times_s = [0.0, 0.04, 0.3, 0.32, 0.36, 1.0, 1.5, 1.9]
    path = write_clip(tmp_path / "vfr.mkv", times_s=times_s)
    assert [frame.time_s for frame in MediaReader(path).frames()] == pytest.approx(times_s, abs=0.002)


def test_pictures_and_sound_come_interleaved_in_order_and_whole(clap_clip: Path) -> None:
    items = list(MediaReader(clap_clip))
    times = [item.time_s for item in items]
    assert times == sorted(times)
    blocks = [item for item in items if isinstance(item, AudioBlock)]
    frames = [item for item in items if isinstance(item, Frame)]
    assert [frame.sequence for frame in frames] == list(range(2 * FPS))
    assert all(len(block.samples) == 1600 for block in blocks[:-1])
    assert all(later.time_s == pytest.approx(b.end_s) for b, later in pairwise(blocks))
    assert blocks[-1].end_s == pytest.approx(2.0, abs=0.03)
    assert not any(block.gap_s for block in blocks)


def test_only_wanted_pictures_are_given_and_each_is_asked_about_once(clap_clip: Path) -> None:
    everything = list(MediaReader(clap_clip).frames())
    asked: list[float] = []

    def every_third(time_s: float) -> bool:
        asked.append(time_s)
        return len(asked) % 3 == 1

    some = list(MediaReader(clap_clip).frames(every_third))
    assert asked == [frame.time_s for frame in everything]
    assert [frame.sequence for frame in some] == [frame.sequence for frame in everything[::3]]
    assert all(np.array_equal(a.data, b.data) for a, b in zip(some, everything[::3], strict=True))


def test_what_comes_before_the_damage_is_given(clap_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaking(*source: Any) -> Iterator[object]:
        for number, frame in enumerate(decoded(*source)):
            if number == 10:
                raise MediaError("damaged", "copy it again")
            yield frame

    whole = MediaReader(clap_clip)
    sound = np.concatenate([block.samples for block in whole.blocks()])
    monkeypatch.setattr("emoedge.capture.media.decoded", breaking)
    frames: list[Frame] = []
    with pytest.raises(MediaError):
        frames.extend(MediaReader(clap_clip).frames())
    assert len(frames) == 10
    heard: list[AudioBlock] = []
    with pytest.raises(MediaError):
        heard.extend(MediaReader(clap_clip).blocks())
    count = sum(len(block.samples) for block in heard)
    assert count > 0
    np.testing.assert_array_equal(np.concatenate([b.samples for b in heard]), sound[:count])


def test_pictures_are_freed_without_garbage_collection(clap_clip: Path) -> None:
    """What a picture holds and what holds the picture kept 200 MB alive until the next collection."""
    gc.collect()
    gc.disable()
    try:
        count = sum(1 for _ in MediaReader(clap_clip, audio=False).frames())
        unreachable = gc.collect()
    finally:
        gc.enable()
    assert count >= 20
    assert unreachable < count / 2


def test_two_runs_give_the_same_bytes(clap_clip: Path) -> None:
    def everything() -> list[tuple[float, bytes]]:
        return [
            (item.time_s, (item.data if isinstance(item, Frame) else item.samples).tobytes())
            for item in MediaReader(clap_clip)
        ]

    assert everything() == everything()


@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (16000, 2), (44100, 2), (48000, 1)])
def test_a_tone_keeps_its_pitch_and_level(tmp_path: Path, rate_hz: int, channels: int) -> None:
    path = write_clip(
        tmp_path / "tone.wav",
        picture=None,
        sound=sine(440.0, rate_hz, 1.0, channels),
        rate_hz=rate_hz,
        sound_codec="pcm_s16le",
    )
    samples = read_sound(path)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(16000, abs=32)
    assert tone_hz(samples) == pytest.approx(440.0, abs=2.0)
    assert np.abs(samples[2000:-2000]).max() == pytest.approx(0.5, rel=0.03)


@pytest.mark.parametrize(
    ("pixels", "size"),
    [
        ("yuv420p", (64, 48)),
        ("yuv422p", (64, 48)),
        ("yuv444p", (63, 47)),
        ("gray", (63, 47)),
        ("bgr0", (63, 47)),
    ],
)
def test_any_pixel_format_and_size_gives_true_colours(
    tmp_path: Path, pixels: str, size: tuple[int, int]
) -> None:
    colours = np.zeros((size[1], size[0], 3), np.uint8)
    half_w, half_h = size[0] // 2, size[1] // 2
    colours[:half_h, :half_w] = (255, 0, 0)
    colours[:half_h, half_w:] = (0, 255, 0)
    colours[half_h:, :half_w] = (0, 0, 255)
    codec = "libx264rgb" if pixels == "bgr0" else "libx264"
    path = write_clip(tmp_path / "c.mkv", picture=lambda _: colours, codec=codec, pixels=pixels)
    frame = next(MediaReader(path).frames())
    assert frame.layout == "i420"
    assert frame.data.shape == (frame.height * 3 // 2, frame.width)
    assert (frame.width, frame.height) == (2 * round(size[0] / 2), 2 * round(size[1] / 2))
    expected = {(10, 10): (0, 0, 255), (10, 50): (0, 255, 0), (38, 10): (255, 0, 0), (38, 50): (0, 0, 0)}
    for (row, column), blue_green_red in expected.items():
        seen = frame.bgr[row, column].astype(int)
        if pixels == "gray":
            assert np.ptp(seen) == 0
        else:
            assert seen == pytest.approx(blue_green_red, abs=12)


def test_full_range_and_bt709_come_out_as_the_same_colour(tmp_path: Path) -> None:
    orange = np.full((48, 64, 3), (230, 120, 40), np.uint8)
    mjpeg = write_clip(tmp_path / "a.avi", picture=lambda _: orange, codec="mjpeg", pixels="yuvj420p")
    frame = next(MediaReader(mjpeg).frames())
    assert frame.bgr[20, 20].astype(int) == pytest.approx((40, 120, 230), abs=6)
    assert frame.luma.max() <= 235


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_metadata_is_obeyed(tmp_path: Path, degrees: int) -> None:
    import av

    corner = np.zeros((48, 64, 3), np.uint8)
    corner[:24, :32] = (255, 0, 0)
    plain = write_clip(tmp_path / "plain.mp4", picture=lambda _: corner)
    turned = tmp_path / "turned.mp4"
    with av.open(str(plain)) as source, av.open(str(turned), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        if not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV cannot write the rotation")
        stream.set_display_rotation(-degrees)  # counter-clockwise; -90: to be turned clockwise by 90
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    frame = next(MediaReader(turned).frames())
    bgr = frame.bgr
    expected = np.rot90(corner[:, :, ::-1], -degrees // 90)
    assert bgr.shape == expected.shape
    assert np.abs(bgr.astype(int) - expected).mean() < 8


@pytest.mark.parametrize("orientation", [Orientation(), Orientation(90, mirror=True), Orientation(180)])
def test_planes_that_lie_apart_are_the_same_picture(tmp_path: Path, orientation: Orientation) -> None:
    """Frames are the decoder's memory: they stay valid while it goes on, and read like one array."""

    def moving(time_s: float) -> np.ndarray:
        picture = np.zeros((72, 100, 3), np.uint8)
        picture[:36, : 20 + round(30 * time_s)] = (250, 40, 10)
        picture[40:, 50:] = (0, round(100 * time_s), 200)
        return picture

    path = write_clip(tmp_path / "moving.mp4", picture=moving, options={"bf": "2", "refs": "4"})
    first = [frame.luma.copy() for frame in MediaReader(path, orientation=orientation).frames()]
    frames = list(MediaReader(path, orientation=orientation).frames())
    part = (8, 4, 40, 36)
    for before, frame in zip(first, frames, strict=True):
        assert isinstance(frame, PlanarFrame)
        np.testing.assert_array_equal(frame.luma, before)
        apart = frame.small_rgb(16, 16, part), frame.small_rgb(frame.width, frame.height)
        whole = Frame(frame.time_s, frame.data, "i420", frame.width, frame.height)
        np.testing.assert_array_equal(apart[0], whole.small_rgb(16, 16, part))
        np.testing.assert_array_equal(apart[1], whole.small_rgb(frame.width, frame.height))
        np.testing.assert_array_equal(frame.bgr, whole.bgr)
        assert frame.data is frame.data
    assert not hasattr(frames[0], "nothing")


def test_sound_that_starts_late_or_has_a_hole_keeps_its_time(tmp_path: Path) -> None:
    from fractions import Fraction

    import av

    path = tmp_path / "hole.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=16000)
        stream.layout = "mono"
        for start_s, frequency in ((0.0, 300.0), (1.0, 600.0)):
            chunk = (sine(frequency, 16000, 0.5) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(chunk, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, round(start_s * 16000), Fraction(1, 16000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    blocks = list(MediaReader(path).blocks())
    gaps = [(block.time_s, block.gap_s) for block in blocks if block.gap_s]
    assert gaps == [(pytest.approx(1.0, abs=0.002), pytest.approx(0.5, abs=0.002))]
    samples = read_sound(path)
    assert not samples[8100:15900].any()
    assert tone_hz(samples[16100:]) == pytest.approx(600.0, abs=5)


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    import av

    path = tmp_path / "song.mp3"
    cover = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes()
    with av.open(str(path), "w") as out:
        audio = out.add_stream("mp3", rate=44100)
        art = out.add_stream("mjpeg", rate=1)
        art.width = art.height = 16
        art.pix_fmt = "yuvj420p"
        art.disposition = av.stream.Disposition.attached_pic
        packet = av.Packet(cover)
        packet.stream = art
        packet.pts = packet.dts = 0
        frame = av.AudioFrame.from_ndarray(sine(440.0, 44100, 1.0, 2), format="fltp", layout="stereo")
        frame.sample_rate = 44100
        out.mux(packet)
        out.mux(audio.encode(frame))
        out.mux(audio.encode(None))
    info = probe(path)
    assert (info.has_video, info.has_audio) == (False, True)
    assert tone_hz(read_sound(path)) == pytest.approx(440.0, abs=2)


def test_probe_says_what_is_there(clap_clip: Path, tmp_path: Path) -> None:
    info = probe(clap_clip)
    assert (info.has_video, info.has_audio, info.width, info.height) == (True, True, 64, 48)
    assert info.duration_s == pytest.approx(2.0, abs=0.05)
    silent = probe(write_clip(tmp_path / "silent.mp4"))
    assert (silent.has_video, silent.has_audio) == (True, False)


def test_scaling_down_keeps_the_shape(clap_clip: Path) -> None:
    frame = next(MediaReader(clap_clip, max_pixels=32 * 24).frames())
    assert (frame.width, frame.height) == (32, 24)


# ---- what is not whole, or no media ----


def assert_refused(path: Path) -> None:
    with pytest.raises(MediaError) as caught:
        for _ in MediaReader(path):
            pass
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One file of each container, two seconds of noise with a beep."""
    noise = np.random.default_rng(1).integers(0, 255, (50, 48, 64, 3), np.uint8)
    folder = tmp_path_factory.mktemp("whole")
    mpeg = {"codec": "mpeg2video", "sound_codec": "pcm_s16le"}
    kinds: dict[str, dict] = {
        "a.mp4": {},
        "fast.mp4": {"container": {"movflags": "faststart"}},
        "fragments.mp4": {"container": {"movflags": "frag_keyframe+empty_moov", "frag_duration": "200000"}},
        "a.mkv": {},
        "a.avi": mpeg,
        "a.mpg": mpeg | {"sound_codec": "mp2"},
        "a.wav": mpeg | {"picture": None},
        "a.flac": {"picture": None, "sound_codec": "flac"},
        "a.mp3": {"picture": None, "sound_codec": "mp3"},
        "a.opus": {"picture": None, "sound_codec": "libopus"},
    }
    return {
        name: write_clip(
            folder / name,
            sound=clap_sound(48000, 2.0),
            **({"picture": lambda time_s: noise[round(time_s * FPS) % 50]} | options),
        )
        for name, options in kinds.items()
    }


WHOLE = [
    "a.mp4",
    "fast.mp4",
    "fragments.mp4",
    "a.mkv",
    "a.avi",
    "a.mpg",
    "a.wav",
    "a.flac",
    "a.mp3",
    "a.opus",
]


@pytest.mark.parametrize("name", WHOLE)
def test_a_cut_file_is_an_error(whole_files: dict[str, Path], tmp_path: Path, name: str) -> None:
    assert list(MediaReader(whole_files[name]))
    data = whole_files[name].read_bytes()
    cut = tmp_path / name
    for kept in (0.05, 0.3, 0.6, 0.9, 0.98):
        cut.write_bytes(data[: round(len(data) * kept)])
        assert_refused(cut)


def test_samples_that_point_beyond_the_file_are_an_error(clap_clip: Path, tmp_path: Path) -> None:
    data = bytearray(clap_clip.read_bytes())
    at = data.index(b"stco") + 8
    (count,) = struct.unpack_from(">I", data, at)
    for entry in range(count):
        struct.pack_into(">I", data, at + 4 + 4 * entry, 0x7FFFFF00)
    path = tmp_path / "pointers.mp4"
    path.write_bytes(data)
    assert_refused(path)


@pytest.mark.parametrize("name", ["notes.txt", "noise.bin", "noise.mp4", "page.html", "list.m3u8", "a.sdp"])
def test_what_is_no_media_is_an_error(tmp_path: Path, name: str) -> None:
    content = {
        "notes.txt": b"Buenos dias\n" * 500,
        "page.html": b"<html><body>404</body></html>" * 50,
        "list.m3u8": b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n",
        "a.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n",
    }.get(name, np.random.default_rng(3).bytes(200_000))
    path = tmp_path / name
    path.write_bytes(content)
    assert_refused(path)


def test_an_address_where_a_file_is_meant_is_told_what_to_use() -> None:
    with pytest.raises(MediaError, match="an address, not a file") as caught:
        read_sound(Path("rtsp://me:secret@camera/stream"))
    assert "emoedge replay" in caught.value.remedy
    assert "secret" not in str(caught.value)


def test_missing_empty_and_directory_are_errors(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    for path in (tmp_path / "empty.mp4", tmp_path, tmp_path / "missing.mp4", Path("a\0b.mp4")):
        assert_refused(path)


@pytest.mark.parametrize("seed", range(5))
def test_a_scrambled_file_gives_media_errors_only(clap_clip: Path, tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    data = np.frombuffer(clap_clip.read_bytes(), np.uint8).copy()
    places = random.integers(0, len(data), 200)
    data[places] = random.integers(0, 255, 200)
    path = tmp_path / "scrambled.mp4"
    path.write_bytes(data.tobytes())
    try:
        for _ in MediaReader(path):
            pass
    except MediaError:
        pass


# ---- pictures ----


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tiff", ".ppm"])
def test_pictures_of_every_kind_and_name(tmp_path: Path, suffix: str) -> None:
    colours = np.zeros((40, 60, 3), np.uint8)
    colours[:, :30] = (255, 0, 0)
    path = tmp_path / f"niña con café 😀{suffix}"
    path.write_bytes(cv2.imencode(suffix, colours)[1].tobytes())
    picture = read_image(path)
    assert picture.shape == (40, 60, 3)
    assert picture[20, 10].astype(int) == pytest.approx((255, 0, 0), abs=8)
    if suffix in (".png", ".jpg"):
        frames = list(MediaReader(path))
        assert len(frames) == 1
        assert frames[0].bgr[20, 10].astype(int) == pytest.approx((255, 0, 0), abs=8)


@pytest.mark.parametrize(("suffix", "count", "frames"), [("jpg", 1, 1), ("jpg", 2, 1), ("mjpeg", 12, 12)])
def test_jpeg_pictures_in_a_row_are_a_stream_and_a_preview_is_none(
    tmp_path: Path, suffix: str, count: int, frames: int
) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes() * count)
    assert len(list(MediaReader(path).frames())) == frames


def test_exif_orientation_is_obeyed(tmp_path: Path) -> None:
    corner = np.zeros((40, 60, 3), np.uint8)
    corner[:20, :30] = 255
    jpeg = cv2.imencode(".jpg", corner)[1].tobytes()
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)  # 6: turn clockwise by 90
    exif = b"Exif\0\0" + tiff
    path = tmp_path / "turned.jpg"
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    picture = read_image(path)
    assert picture.shape == (60, 40, 3)
    assert picture[10, 30].mean() > 200
    assert picture[10, 10].mean() < 50


@pytest.mark.parametrize(
    "content",
    [
        lambda: png_header(40_000, 40_000),
        lambda: png_header(9_000, 9_000),
        lambda: png_header(100, 100),
        lambda: b"not a picture",
        lambda: b"\xff\xd8\xff\xe0" + b"\0" * 50,
    ],
)
def test_bombs_and_rubbish_are_no_pictures(tmp_path: Path, content: Callable[[], bytes]) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content())
    with pytest.raises(MediaError):
        read_image(path)


# ---- real clips ----


def real_clip(shared_dir: Path, name: str) -> Path:
    path = shared_dir / "media" / name
    if not path.exists():
        pytest.skip(f"no {path}")
    return path


@pytest.mark.parametrize("name", ["talking_man_1.mpg", "talking_man_2.mpg"])
def test_a_real_clip_with_sound(shared_dir: Path, name: str) -> None:
    path = real_clip(shared_dir, name)
    assert len(list(MediaReader(path).frames())) == 75
    assert len(read_sound(path)) / 16000 == pytest.approx(2.95, abs=0.05)


def test_a_real_clip_whose_sound_starts_late(shared_dir: Path) -> None:
    path = real_clip(shared_dir, "face_then_none.mov")
    first = next(MediaReader(path, video=False).blocks())
    assert first.time_s == pytest.approx(2.43, abs=0.01)

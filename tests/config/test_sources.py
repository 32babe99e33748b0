"""Which source a string means; what can never open is refused with the nearest right form."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from emoedge.config import CameraSettings, MicrophoneSettings
from emoedge.config.sources import parse_camera, parse_microphone


@pytest.mark.parametrize(
    ("text", "kind", "form"),
    [
        ("AUTO", "auto", "auto"),
        ("None", "none", "none"),
        ("RTSP://Cam.local/Live", "network", "rtsp://Cam.local/Live"),
        ("rtsps://me:p@ss/#@cam:322/1", "network", "rtsps://me:p@ss/#@cam:322/1"),
        ("Http://[::1]:80/x", "network", "http://[::1]:80/x"),
        ("udp://@:1234", "network", "udp://@:1234"),
        ("tcp://10.0.0.2:5000?listen", "network", "tcp://10.0.0.2:5000?listen"),
        ("FILE:/tmp/A.mp4", "file", "file:/tmp/A.mp4"),
        ("file:///tmp/a.mp4", "file", "file:/tmp/a.mp4"),
        ("file:~/a.mp4", "file", "file:~/a.mp4"),
        ("GST:v4l2src ! videoconvert", "gst", "gst:v4l2src ! videoconvert"),
        ("gst:\n v4l2src\n ! videoconvert\n", "gst", "gst:v4l2src  ! videoconvert"),
        ("PiCamera:0", "picamera", "picamera:0"),
        ("/dev/v4l/by-id/usb-Cam-index0", "v4l2", "/dev/v4l/by-id/usb-Cam-index0"),
        ("/dev/my-camera", "v4l2", "/dev/my-camera"),
    ],
)
def test_cameras(text: str, kind: str, form: str) -> None:
    source = parse_camera(text)
    assert (source.kind, str(source)) == (kind, form)
    assert parse_camera(form) == source
    assert CameraSettings(source=text).source == form


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("0", "/dev/video0"),
        ("1", "picamera:1"),
        ("webcam", '"auto"'),
        ("atuo", '"auto"'),
        ("off", '"none"'),
        ("false", '"none"'),
        ("video2", '"/dev/video2"'),
        ("v4l2:///dev/video0", '"/dev/video0"'),
        ("/dev/", "/dev/video0"),
        ("/dev/shm/clip.mp4", "file:/dev/shm/clip.mp4"),
        ("/home/pi/clip.mp4", '"file:/home/pi/clip.mp4"'),
        ("clip.MP4", '"file:clip.MP4"'),
        ("~/clip", "file:PATH"),
        ("file:", "file:"),
        ("file:/home/pi/", "file:"),
        ("file://clip.mp4", "file:/"),
        ("gst:", "gst:"),
        ("gst: ! x", "gst:"),
        ("gst:v4l2src !", "gst:"),
        ("gst:v4l2src name='a", "quote"),
        ("nvarguscamerasrc ! nvvidconv", "gst:PIPELINE"),
        ("picamera", "picamera:0"),
        ("picamera:", "picamera:0"),
        ("picamera:first", "picamera:0"),
        ("csi", "picamera:0"),
        ("rtsp:/cam/1", '"rtsp://HOST/PATH"'),
        ("rtsp://", '"rtsp://HOST/PATH"'),
        ("rtsp:///live", '"rtsp://HOST/PATH"'),
        ("rtsp://user:pass@/live", '"rtsp://HOST/PATH"'),
        ("rtsp://cam:99999/1", "65535"),
        ("rtsp://cam:port/1", "65535"),
        ("rtsp://cam:/1", "65535"),
        ("http://my cam/1", "%20"),
        ("tcp://cam", "tcp://HOST:PORT"),
        ("ftp://cam/clip.mp4", "rtsp://HOST/PATH"),
        ("192.168.1.5", "rtsp://HOST/PATH"),
        ("cam.local:554/live", "rtsp://HOST/PATH"),
        ("admin:secret@cam/1", "rtsp://HOST/PATH"),
        ("something", '"auto"'),
    ],
)
def test_cameras_that_can_never_open(text: str, nearest: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CameraSettings(source=text)
    message = caught.value.errors()[0]["msg"]
    assert nearest in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Auto", "auto"),
        ("NONE", "none"),
        ("HW:Device,0", "hw:Device,0"),
        ("USB Audio: #1 (x)", "USB Audio: #1 (x)"),
        ("default", "default"),
        ("File:a.wav", "file:a.wav"),
    ],
)
def test_microphones(text: str, form: str) -> None:
    assert str(parse_microphone(text)) == form
    assert MicrophoneSettings(source=text).source == form


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("0", '"hw:0,0"'),
        ("12345", '"auto"'),
        ("hw:", "hw:Device,0"),
        ("alsa:hw:1,0", '"hw:1,0"'),
        ("/dev/snd/pcmC1D0c", '"hw:1,0"'),
        ("/home/pi/a.wav", '"file:/home/pi/a.wav"'),
        ("a.mp4", '"file:a.mp4"'),
        ("file:", "file:"),
        ("off", '"none"'),
        ("rtsp://cam/1", '"auto"'),
        ("gst:x", '"auto"'),
        ("~/x", "file:PATH"),
    ],
)
def test_microphones_that_can_never_open(text: str, nearest: str) -> None:
    with pytest.raises(ValueError, match="not a") as caught:
        parse_microphone(text)
    assert nearest in str(caught.value)


@pytest.mark.parametrize("text", ["3", "/home/pi/clip.mp4", "rtsp://", "tcp://cam", "something", "webcam"])
def test_the_nearest_form_is_told_in_spanish(text: str) -> None:
    with pytest.raises(ValueError, match="write") as caught:
        parse_camera(text)
    said = caught.value.args[0].in_language("es")
    assert "escriba " in said
    assert not re.search(r"\b(write|or)\b", said)


@given(st.text(max_size=30) | st.text("rtsp:/@?#h ost[]0129.gst!'", max_size=30))
def test_any_text_has_a_kind_or_a_reason(text: str) -> None:
    for parse in (parse_camera, parse_microphone):
        with suppress(ValueError):
            source = parse(text)
            assert parse(str(source)) == source

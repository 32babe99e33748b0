"""No password leaves the process with an address or a pipeline."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emoedge.redact import HIDDEN, public_address, public_pipeline, redact

SPECIAL = "@/#?:&;=%+$!.,~*"
SECRET = "Zq"  # in no host and no scheme of this file
schemes = st.sampled_from(["rtsp", "rtsps", "http", "https", "tcp", "RTSP", "rtmp"])
hosts = st.one_of(
    st.from_regex(r"[a-pr-y][a-pr-y0-9-]{0,8}(\.[a-p]{2,5})?", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
ports = st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}"))
secrets = st.text("ab12" + SPECIAL, max_size=12).map(lambda text: SECRET + text + SECRET)
paths = st.sampled_from(["", "/", "/1", "/live/ch0", "/Streaming/Channels/101"])


@settings(max_examples=200)
@given(schemes, hosts, ports, secrets, paths)
@example("rtsp", "cam", "", "Zqpa@ssZq", "/1")
@example("rtsp", "cam", ":554", "Zq/#Zq", "/1")
def test_user_information_ends_at_the_last_at(
    scheme: str, host: str, port: str, secret: str, path: str
) -> None:
    address = f"{scheme}://admin:{secret}@{host}{port}{path}"
    assert public_address(address) == f"{scheme}://{host}{port}"


@settings(max_examples=200)
@given(schemes, hosts, ports, secrets, st.booleans())
def test_nothing_of_path_and_query_is_shown(
    scheme: str, host: str, port: str, secret: str, with_user: bool
) -> None:
    user = f"root:{SECRET}@" if with_user else ""
    for tail in (f"/user=admin&password={secret}&channel=1", f"/v?token={secret}", f"?pwd={secret}"):
        assert public_address(f"{scheme}://{user}{host}{port}{tail}") == f"{scheme}://{host}{port}"


@settings(max_examples=200)
@given(st.text("aZq12 " + SPECIAL, max_size=40))
def test_any_text_is_taken(text: str) -> None:
    for shown in (public_address(text), public_address(f"gst:{text}"), redact(text), public_pipeline(text)):
        assert isinstance(shown, str)


@settings(max_examples=200)
@given(schemes, hosts, st.text("ab12@#?:&;=%+$.~*/", max_size=12))
def test_pipelines_and_messages_show_no_secret(scheme: str, host: str, tail: str) -> None:
    secret = SECRET + tail + SECRET
    address = f"{scheme}://admin:{secret}@{host}/1"
    for text in (
        public_address(f'gst:rtspsrc location="{address}" user-id=admin user-pw="{secret}" ! decodebin'),
        public_address(f"gst:souphttpsrc user-pw = '{secret}' location='{address}' ! jpegdec"),
        public_address(f"gst:rtspsrc location=//admin:{secret}@{host}/1"),
        redact(f"ERROR: from element rtspsrc0: could not open {address} for reading"),
    ):
        assert SECRET not in text
        assert "element" in text or text.startswith(("gst:rtspsrc", "gst:souphttpsrc"))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("auto", "auto"),
        ("hw:1,0", "hw:1,0"),
        ("/dev/v4l/by-id/usb-cam@1", "/dev/v4l/by-id/usb-cam@1"),
        ("file:clip?.mp4", "file:clip?.mp4"),
        ("http://a:b%40c@host/x", "http://host"),
        ("rtsp://admin:pa@ss@cam/1", "rtsp://cam"),
        ("rtsp://H/user=admin&password=p@ss&channel=1", "rtsp://H"),
        ("rtsp://cam/live@1", f"rtsp://{HIDDEN}"),
        ("rtsp://admin:secret", f"rtsp://{HIDDEN}"),
        ("admin:secret@cam/1", HIDDEN),
        ("gst:rtspsrc location=rtsp://u:p@h/1 ! appsink", "gst:rtspsrc location=rtsp://h ! appsink"),
        ("gst:rtspsrc location=x user-pw=1234", f"gst:rtspsrc location={HIDDEN} user-pw={HIDDEN}"),
        ("gst:rtspsrc user-pw=my secret", f"gst:rtspsrc user-pw={HIDDEN} {HIDDEN}"),
        ("gst:rtspsrc user-pw='open", f"gst:{HIDDEN}"),
        (
            "gst:nvarguscamerasrc sensor-id=0 ! video/x-raw(memory:NVMM),width=1280 ! nvvidconv",
            "gst:nvarguscamerasrc sensor-id=0 ! video/x-raw(memory:NVMM),width=1280 ! nvvidconv",
        ),
    ],
)
def test_sources(source: str, shown: str) -> None:
    assert public_address(source) == shown

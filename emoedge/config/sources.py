"""Sources of picture and sound: which kind a string means, and the nearest right form of a wrong one."""

from __future__ import annotations

import difflib
import re
import shlex
from dataclasses import dataclass
from typing import Final

from emoedge.redact import split_address
from emoedge.translation import tr

NETWORK_SCHEMES: Final = ("rtsp", "rtsps", "http", "https", "tcp", "udp")
_WITH_PORT: Final = ("tcp", "udp")
"""Schemes without a usual port; the host may be left out to receive on the port."""
_LARGEST_PORT: Final = 65_535
_MEDIA: Final = re.compile(
    r"\.(3gp|aac|avi|fl(ac|v)|h264|jpe?g|m4[av]|mjpe?g|mk[av]|mov|mp[34]|mpe?g|og[gv]|opus|png|ts|wav|webm|wmv)$",
    re.IGNORECASE,
)
_CAMERA_FORMS: Final = tr(
    '"auto", a device such as "/dev/v4l/by-id/…", "picamera:0", "gst:PIPELINE", '
    '"rtsp://…", "http://…", "file:CLIP" or "none"'
)
_MICROPHONE_FORMS: Final = tr('"auto", a name from: emoedge devices; "hw:Device,0", "file:CLIP" or "none"')
_OFF: Final = frozenset({"off", "no", "false", "disabled", "null", "nothing"})
_ANY_CAMERA: Final = frozenset({"webcam", "usb", "usbcam", "camera", "cam", "default", "any", "v4l2", "v4l"})
_PI_CAMERA: Final = re.compile(r"(?:csi|pi|picam\w*|raspi\w*|raspberry\w*|libcamera):?(\d{0,2})")
_HOST_LIKE: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}(:\d+)?(/.*)?|[\w-]+(\.[\w-]+)*:\d+(/.*)?")


@dataclass(frozen=True, slots=True)
class CaptureSource:
    """A source that can be opened.

    Attributes:
        kind: "auto", "none", "file", "gst", "picamera", "v4l2" (a device file), "network" or "sound device".
        value: what the kind leaves open: path, pipeline, number, device, address or name; "" for the first
            two.
    """

    kind: str
    value: str = ""

    def __str__(self) -> str:
        if self.kind in ("file", "gst", "picamera"):
            return f"{self.kind}:{self.value}"
        return self.value or self.kind


def parse_camera(text: str) -> CaptureSource:
    """The camera that a setting means; the kind is read in any case of its letters.

    Raises:
        ValueError: it can never open; the message has the nearest right form and nothing secret.
    """
    kind, rest = _split(text)
    common = _common(text, kind, rest)
    if common is not None:
        return common
    if kind == "gst":
        return _pipeline(rest)
    if kind == "picamera" and _is_number(rest):
        return CaptureSource(kind, str(int(rest)))
    if kind in NETWORK_SCHEMES and rest.startswith("//"):
        return _network(kind, rest)
    if text.startswith("/dev/") and text[5:].strip("/") and not text.endswith("/") and not _is_media(text):
        return CaptureSource("v4l2", text)
    raise ValueError(tr("not a supported source; {text}", text=_nearest_camera(text, kind)))


def parse_microphone(text: str) -> CaptureSource:
    """The microphone that a setting means; the kind is read in any case of its letters.

    Raises:
        ValueError: it can never open; the message has the nearest right form and nothing secret.
    """
    kind, rest = _split(text)
    common = _common(text, kind, rest)
    if common is not None:
        return common
    if kind in ("hw", "plughw") and rest:
        return CaptureSource("sound device", f"{kind}:{rest}")
    wrong = (
        not text.strip(" :,")
        or text.isdigit()
        or text.startswith(("/", "~", "./", "../"))
        or "://" in text
        or kind in (*NETWORK_SCHEMES, "hw", "plughw", "gst", "picamera", "alsa")
        or text.lower() in _OFF
        or _is_media(text)
    )
    if wrong:
        raise ValueError(tr("not a supported source; {text}", text=_nearest_microphone(text, kind, rest)))
    return CaptureSource("sound device", text)


def _split(text: str) -> tuple[str, str]:
    prefix, colon, rest = text.partition(":")
    return (prefix.lower() if colon else ""), rest


def _common(text: str, kind: str, rest: str) -> CaptureSource | None:
    """Return the identity that a camera and a microphone can share; None for other sources."""
    if text.lower() in ("auto", "none"):
        return CaptureSource(text.lower())
    return _clip(rest) if kind == "file" else None


def _clip(path: str) -> CaptureSource:
    local = path.removeprefix("//localhost") if path.startswith("//localhost/") else path
    local = local.removeprefix("//") if local.startswith("///") else local
    if not local.strip() or local.startswith("//") or local.endswith("/"):
        raise ValueError(tr('not a path to a clip; write "file:/home/pi/clip.mp4"'))
    return CaptureSource("file", local)


def _pipeline(text: str) -> CaptureSource:
    pipeline = " ".join(text.splitlines()).strip()
    try:
        words = shlex.split(pipeline)
    except ValueError:
        raise ValueError(tr("a quote in the pipeline is not closed; check its quotes")) from None
    if not words or "!" in (words[0], words[-1]):
        raise ValueError(tr('not a pipeline; write it up to its sink, such as "gst:v4l2src ! videoconvert"'))
    return CaptureSource("gst", pipeline)


def _network(scheme: str, rest: str) -> CaptureSource:
    place = "HOST:PORT" if scheme in _WITH_PORT else "HOST/PATH"
    form = tr("write {form}", form=f'"{scheme}://{place}"')
    address = split_address(f"{scheme}:{rest}")
    # There may be a second interpretation, such as a user without "@"; use that of FFmpeg.
    authority = re.split(r"[/?#]", rest[2:], maxsplit=1)[0].rpartition("@")[2]
    host = address.host if address is not None else authority
    name, _, port = host.rpartition(":") if re.search(r":[^\]]*$", host) else (host, "", "")
    if (port or ":" in host[len(name) :]) and not (
        port.isascii() and port.isdigit() and 0 < int(port[:6]) <= _LARGEST_PORT
    ):
        raise ValueError(
            tr(
                "the port of the address is not a number from 1 to {largest_port}; {form}",
                largest_port=_LARGEST_PORT,
                form=form,
            )
        )
    if scheme in _WITH_PORT and not port:
        raise ValueError(tr("the address has no port; {form}", form=form))
    if scheme not in _WITH_PORT and not name.strip("[]. "):
        raise ValueError(tr("the address has no host; {form}", form=form))
    if any(character.isspace() for character in rest):
        raise ValueError(tr("the address has a space in it; {form}, with %20 for a space", form=form))
    return CaptureSource("network", f"{scheme}:{rest}")


def _nearest_camera(text: str, kind: str) -> str:
    word = text.lower()
    device = re.search(r"/dev/(?:video\d+|v4l/[\w./:-]+)", text)
    pi_camera = _PI_CAMERA.fullmatch(word)
    forms = (
        (_is_number(text), tr('"/dev/video{text}" or "picamera:{text}"', text=text)),
        (device, f'"{device and device[0]}"'),
        (re.fullmatch(r"video\d{1,2}", word), f'"/dev/{word}"'),
        (
            text.startswith("/dev/") and not _is_media(text),
            tr('"/dev/video0", or a name from: emoedge devices'),
        ),
        (pi_camera, f'"picamera:{(pi_camera and pi_camera[1]) or 0}"'),
        (word.strip(":0123456789") in _ANY_CAMERA, tr('"auto", or a name from: emoedge devices')),
        (word in _OFF, '"none"'),
        (kind in NETWORK_SCHEMES, f'"{kind}://HOST/PATH"'),
        (" ! " in text or re.match(r"\w+src\b", word), '"gst:PIPELINE"'),
        (
            "://" in text or "@" in text or _HOST_LIKE.fullmatch(text),
            tr('"rtsp://HOST/PATH" or "http://HOST/PATH"'),
        ),
        *_nearest_path(text),
        (_is_close(word, "auto"), '"auto"'),
        (_is_close(word, "none"), '"none"'),
        (_is_close(word, "picamera:0"), '"picamera:0"'),
        (True, _CAMERA_FORMS),
    )
    return tr("write {form}", form=next(form for applies, form in forms if applies))


def _nearest_microphone(text: str, kind: str, rest: str) -> str:
    sound_card = re.fullmatch(r"/dev/snd/pcmC(\d+)D(\d+)[cp]", text)
    forms = (
        (sound_card, f'"hw:{sound_card and sound_card[1]},{sound_card and sound_card[2]}"'),
        (kind == "alsa" and re.fullmatch(r"(?:plug)?hw:[\w,=]+", rest), f'"{rest}"'),
        (kind in ("hw", "plughw"), tr('"{kind}:Device,0", see: emoedge devices', kind=kind)),
        (text.lower() in _OFF, '"none"'),
        (_is_number(text), tr('"hw:{text},0", or a name from: emoedge devices', text=text)),
        *(() if kind else _nearest_path(text)),
        (True, _MICROPHONE_FORMS),
    )
    return tr("write {form}", form=next(form for applies, form in forms if applies))


def _nearest_path(text: str) -> tuple[tuple[object, str], ...]:
    path_like = text.startswith(("/", "~", "./", "../"))
    # A path with the suffix of a clip is not a secret; anything else may be one in the wrong place.
    clip = _is_media(text) and (path_like or re.fullmatch(r"[\w ./-]+", text))
    return ((clip, tr('"file:{text}"', text=text)), (path_like, tr('"file:PATH" for a clip')))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 3


def _is_close(word: str, known: str) -> bool:
    return bool(difflib.get_close_matches(word, [known], 1, 0.7))


def _is_media(text: str) -> bool:
    return _MEDIA.search(text) is not None

"""The cases: container, codecs and quirk, and how ffmpeg makes a file of them from the base clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VIDEO: Final = {
    "H.264": "-c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    "HEVC": "-c:v libx265 -preset ultrafast -x265-params log-level=error -pix_fmt yuv420p",
    "AV1": "-c:v libsvtav1 -preset 12 -pix_fmt yuv420p",
    "VP8": "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 1M",
    "VP9": "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 1M -pix_fmt yuv420p",
    "MJPEG": "-c:v mjpeg -q:v 3 -pix_fmt yuvj420p",
    "MPEG-1": "-c:v mpeg1video -r 25 -b:v 2M",
    "MPEG-2": "-c:v mpeg2video -r 25 -b:v 2M",
    "MPEG-4": "-c:v mpeg4 -q:v 3",
    "MS MPEG-4": "-c:v msmpeg4v2 -q:v 3",
    "WMV2": "-c:v wmv2 -b:v 2M",
    "FLV1": "-c:v flv1 -b:v 2M",
    "Theora": "-c:v libtheora -q:v 7",
    "ProRes": "-c:v prores_ks",
    "FFV1": "-c:v ffv1",
    "raw": "-c:v rawvideo -pix_fmt yuv420p",
    "GIF": "-c:v gif -r 10",
    "-": "-vn",
}
AUDIO: Final = {
    "AAC": "-c:a aac -b:a 128k",
    "MP3": "-c:a libmp3lame -b:a 128k",
    "MP2": "-c:a mp2 -b:a 192k",
    "Opus": "-c:a libopus -b:a 64k",
    "Vorbis": "-c:a libvorbis -q:a 5",
    "FLAC": "-c:a flac",
    "ALAC": "-c:a alac",
    "AC-3": "-c:a ac3 -b:a 192k",
    "WMA": "-c:a wmav2 -b:a 128k",
    "Speex": "-c:a libspeex -ar 16000",
    "PCM 8": "-c:a pcm_u8",
    "PCM 16": "-c:a pcm_s16le",
    "PCM 16 BE": "-c:a pcm_s16be",
    "PCM 24": "-c:a pcm_s24le",
    "PCM 24 BE": "-c:a pcm_s24be",
    "PCM 32": "-c:a pcm_s32le",
    "PCM 64": "-c:a pcm_s64le",
    "float 32": "-c:a pcm_f32le",
    "float 64": "-c:a pcm_f64le",
    "A-law": "-c:a pcm_alaw -ar 8000",
    "mu-law": "-c:a pcm_mulaw -ar 8000",
    "ADPCM MS": "-c:a adpcm_ms",
    "ADPCM IMA": "-c:a adpcm_ima_wav",
    "-": "-an",
}


NOTES: Final = b"these are notes about the recording\n" * 40


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        container: suffix of the file.
        video, audio: codecs, "-" without.
        quirk: what is special about it, in words; empty for the plain combination.
        options: more for ffmpeg, after the codecs.
        before: more for ffmpeg, before the base clip is opened.
        fast: in the short run.
        words: nothing but the sentence is heard; otherwise noise may add words to it.
        tail: bytes appended to the file.
        pipe: written to a pipe, so that no length in it is known.
        refused: the file is refused, with a remedy.
        matrix: display matrix that turns the picture upright.
    """

    container: str
    video: str
    audio: str
    quirk: str = ""
    options: str = ""
    before: str = ""
    fast: bool = False
    words: bool = True
    tail: bytes = b""
    pipe: str = ""
    refused: bool = False
    matrix: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Short and unique."""
        parts = (self.container, self.video, self.audio, self.quirk)
        return " ".join(part for part in parts if part and part != "-")


def _plain() -> list[Case]:
    table = {
        "mp4": "H.264+AAC H.264+MP3 H.264+ALAC H.264+Opus HEVC+AAC "
        "AV1+AAC AV1+Opus VP9+Opus MPEG-4+AAC MPEG-2+MP2",
        "mov": "H.264+AAC H.264+PCM_16 HEVC+AAC MJPEG+PCM_16 ProRes+PCM_24 MPEG-4+MP3",
        "mkv": "H.264+AAC H.264+AC-3 HEVC+Opus AV1+Opus VP8+Vorbis "
        "VP9+Opus MJPEG+FLAC FFV1+PCM_24 MPEG-2+MP2 Theora+Vorbis",
        "webm": "VP8+Vorbis VP9+Opus AV1+Opus",
        "avi": "H.264+MP3 MPEG-4+MP3 MJPEG+PCM_16 MPEG-2+MP2 MS_MPEG-4+ADPCM_MS raw+PCM_8 FFV1+PCM_16",
        "ts": "H.264+AAC HEVC+AAC MPEG-2+MP2 H.264+MP3 H.264+AC-3 H.264+Opus",
        "m2ts": "H.264+AC-3",
        "mpg": "MPEG-1+MP2 MPEG-2+MP2",
        "flv": "H.264+AAC FLV1+MP3",
        "wmv": "WMV2+WMA",
        "ogv": "Theora+Vorbis",
        "nut": "H.264+AAC",
        "3gp": "H.264+AAC",
        "mxf": "MPEG-2+PCM_16",
        "wav": "-+PCM_8 -+PCM_16 -+PCM_24 -+PCM_32 -+PCM_64 "
        "-+float_32 -+float_64 -+A-law -+mu-law -+ADPCM_MS -+ADPCM_IMA",
        "w64": "-+PCM_16",
        "caf": "-+PCM_16_BE -+ALAC -+Opus",
        "aiff": "-+PCM_16_BE -+PCM_24_BE",
        "au": "-+PCM_16_BE -+mu-law",
        "flac": "-+FLAC",
        "mp3": "-+MP3",
        "aac": "-+AAC",
        "m4a": "-+AAC -+ALAC",
        "ogg": "-+Opus -+Vorbis -+FLAC -+Speex",
        "opus": "-+Opus",
        "mka": "-+AAC -+Opus",
        "wma": "-+WMA",
        "ac3": "-+AC-3",
        "gif": "GIF+-",
    }
    fast = {
        "mp4 H.264 AAC",
        "mkv VP9 Opus",
        "avi MJPEG PCM 16",
        "ts H.264 AAC",
        "wav PCM 16",
        "opus Opus",
        "m4a AAC",
    }
    cases = []
    for container, pairs in table.items():
        for pair in pairs.split():
            video, audio = pair.replace("_", " ").split("+")
            case = Case(container, video, audio)
            cases.append(
                Case(
                    container,
                    video,
                    audio,
                    fast=case.name in fast,
                    words="law" not in audio and audio != "PCM 8",
                )
            )
    return cases


def _rates() -> list[Case]:
    cases = [
        Case(
            "wav", "-", "PCM 16", f"{rate} Hz", f"-ar {rate}", fast=rate in (8000, 96000), words=rate >= 11025
        )
        for rate in (8000, 11025, 16000, 22050, 32000, 44100, 88200, 96000)
    ]
    cases += [Case("mp3", "-", "MP3", f"{rate} Hz", f"-ar {rate}") for rate in (16000, 24000, 32000, 44100)]
    cases += [Case("aac", "-", "AAC", f"{rate} Hz", f"-ar {rate}") for rate in (16000, 22050, 96000)]
    cases += [Case("flac", "-", "FLAC", "96000 Hz, 24 bit", "-ar 96000 -sample_fmt s32")]
    layouts = ("stereo", "2.1", "quad", "5.0", "5.1", "6.1", "7.1")
    cases += [
        Case("wav", "-", "PCM 16", layout, f"-af pan={_pan(layout)}", fast=layout == "5.1")
        for layout in layouts
    ]
    cases += [
        Case("mp4", "H.264", "AAC", "5.1", f"-af pan={_pan('5.1')}"),
        Case("wav", "-", "PCM 16", "opposite phase", "-af pan=stereo|c0=c0|c1=-1*c0", fast=True),
        Case("mp4", "H.264", "AAC", "opposite phase", "-af pan=stereo|c0=c0|c1=-1*c0", words=False),
        Case("wav", "-", "PCM 16", "left only", "-af pan=stereo|c0=c0|c1=0*c0"),
        Case("ogg", "-", "Opus", "voice note", "-ar 16000 -application voip -b:a 16k"),
        Case("mp3", "-", "MP3", "variable bit rate", "-b:a 0 -q:a 4"),
    ]
    return cases


def _pan(layout: str) -> str:
    count = {"stereo": 2, "2.1": 3, "quad": 4, "5.0": 5, "5.1": 6, "6.1": 7, "7.1": 8}[layout]
    lfe = {"2.1": 2, "5.1": 3, "6.1": 3, "7.1": 3}.get(layout)
    return "|".join([layout, *(f"c{place}={0 if place == lfe else 1}*c0" for place in range(count))])


ONE: Final = 1 << 16
MATRICES: Final = {
    "mirrored": (-1, 0, 0, 1),
    "180": (-1, 0, 0, -1),
    "upside down": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "90": (0, 1, -1, 0),
    "transversed": (0, -1, -1, 0),
    "270": (0, -1, 1, 0),
}
UNDONE: Final = {
    "mirrored": "hflip",
    "180": "hflip,vflip",
    "upside down": "vflip",
    "transposed": "transpose=0",
    "90": "transpose=2",
    "transversed": "transpose=3",
    "270": "transpose=1",
}
"""The filter after which the display matrix shows the picture upright."""


def _quirks() -> list[Case]:
    turned = [
        Case(
            "mp4",
            "H.264",
            "AAC",
            f"turned: {name}",
            f"-vf {UNDONE[name]}",
            fast=name in ("mirrored", "90"),
            matrix=matrix,
        )
        for name, matrix in MATRICES.items()
    ]
    return [
        *turned,
        Case(
            "mp4",
            "H.264",
            "AAC",
            "variable frame rate",
            "-vf select=not(mod(n\\,3))+lt(mod(n\\,7)\\,3) -fps_mode vfr",
        ),
        Case(
            "mkv",
            "H.264",
            "AAC",
            "variable frame rate",
            "-vf select=not(mod(n\\,3)) -fps_mode vfr",
            fast=True,
        ),
        Case("mp4", "H.264", "AAC", "B-frames", "-preset medium -bf 3", fast=True),
        Case(
            "ts", "H.264", "AAC", "B-frames, open GOP", "-preset medium -bf 3 -x264-params open-gop=1 -g 15"
        ),
        Case("mkv", "HEVC", "AAC", "B-frames", "-preset medium"),
        Case("mp4", "H.264", "AAC", "edit list", "-preset medium -bf 3 -use_editlist 1"),
        Case("mp4", "H.264", "AAC", "index in front", "-movflags +faststart"),
        Case("mp4", "H.264", "AAC", "fragments", "-movflags frag_keyframe+empty_moov -g 10", fast=True),
        Case(
            "mp4",
            "H.264",
            "AAC",
            "text behind the end",
            tail=NOTES,
            fast=True,
        ),
        Case("mp4", "H.264", "AAC", "zeros behind the end", tail=bytes(5000)),
        Case("mkv", "H.264", "AAC", "text behind the end", tail=NOTES),
        Case("wav", "-", "PCM 16", "text behind the end", tail=NOTES),
        Case("mkv", "H.264", "AAC", "late start", "-output_ts_offset 100", fast=True),
        Case("ts", "H.264", "AAC", "late start", "-output_ts_offset 5000"),
        Case("mp4", "H.264", "AAC", "late start", "-output_ts_offset 7"),
        Case("mkv", "H.264", "AAC", "negative start", "-output_ts_offset -0.5 -avoid_negative_ts disabled"),
        Case("ts", "H.264", "AAC", "stamps that wrap", "-output_ts_offset 95441.5 -muxdelay 0", fast=True),
        Case("mpg", "MPEG-2", "MP2", "late start", "-output_ts_offset 3000"),
        Case("mkv", "H.264", "AAC", "no duration, to a pipe", pipe="matroska", fast=True),
        Case("webm", "VP8", "Opus", "no duration, to a pipe", pipe="webm"),
        Case("wav", "-", "PCM 16", "to a pipe", pipe="wav", fast=True),
        Case("w64", "-", "PCM 16", "to a pipe", pipe="w64"),
        Case("caf", "-", "PCM 16 BE", "to a pipe", pipe="caf"),
        Case("aiff", "-", "PCM 16 BE", "to a pipe", pipe="aiff"),
        Case("au", "-", "PCM 16 BE", "to a pipe", pipe="au"),
        Case("avi", "MJPEG", "PCM 16", "to a pipe", pipe="avi"),
        Case("flv", "H.264", "AAC", "to a pipe", pipe="flv"),
        Case("flac", "-", "FLAC", "to a pipe", pipe="flac"),
        Case("mp3", "-", "MP3", "to a pipe", pipe="mp3"),
        Case("mp4", "H.264", "AAC", "fragments, to a pipe", "-movflags frag_keyframe+empty_moov", pipe="mp4"),
        Case("mpg", "MPEG-2", "MP2", "interlaced", "-flags +ildct+ilme -top 1"),
        Case("mp4", "H.264", "AAC", "interlaced", "-x264-params tff=1"),
        Case(
            "mp4",
            "H.264",
            "AAC",
            "full range",
            "-vf scale=out_range=full -color_range pc -pix_fmt yuvj420p",
            fast=True,
        ),
        Case("mp4", "H.264", "AAC", "BT.709", "-vf scale=out_color_matrix=bt709 -colorspace bt709"),
        Case("mp4", "HEVC", "AAC", "10 bit", "-pix_fmt yuv420p10le", fast=True),
        Case("mkv", "H.264", "AAC", "10 bit", "-pix_fmt yuv420p10le"),
        Case("webm", "VP9", "Opus", "10 bit", "-pix_fmt yuv420p10le -profile:v 2"),
        Case("mp4", "AV1", "AAC", "10 bit", "-pix_fmt yuv420p10le"),
        Case("mkv", "H.264", "AAC", "4:2:2", "-pix_fmt yuv422p"),
        Case("mkv", "H.264", "AAC", "4:4:4", "-pix_fmt yuv444p", fast=True),
        Case("mkv", "H.264", "AAC", "gray", "-pix_fmt gray"),
        Case("webm", "VP9", "Opus", "alpha", "-pix_fmt yuva420p", fast=True),
        Case("mov", "ProRes", "PCM 16", "alpha", "-profile:v 4444 -pix_fmt yuva444p10le"),
        Case("mkv", "FFV1", "FLAC", "RGB", "-pix_fmt bgr0"),
        Case("mkv", "H.264", "AAC", "odd size", "-vf scale=321:241 -pix_fmt yuv444p", fast=True),
        Case("avi", "raw", "PCM 16", "odd size", "-vf scale=321:241 -pix_fmt bgr24"),
        Case("mp4", "H.264", "AAC", "anamorphic", "-vf scale=160:320,setsar=2", fast=True),
        Case("mp4", "H.264", "AAC", "1 frame a second", "-r 1", fast=True),
        Case("mp4", "H.264", "AAC", "240 frames a second", "-r 240"),
        Case("mp4", "H.264", "AAC", "29.97 frames a second", "-r 30000/1001"),
        Case("mp4", "H.264", "AAC", "4:3 in bars", "-vf pad=570:320:125:0"),
        Case(
            "mp4",
            "H.264",
            "AAC",
            "night, gray and noisy",
            "-vf hue=s=0,eq=brightness=-0.15:contrast=0.7,noise=alls=8:allf=t",
        ),
        Case("mp4", "H.264", "AAC", "infrared, pink", "-vf colorchannelmixer=.6:.2:.2:0:.4:.3:.2:0:.5:.3:.3"),
        Case("mp4", "H.264", "-", "without sound", fast=True),
        Case("h264", "H.264", "-", "raw stream"),
        Case("hevc", "HEVC", "-", "raw stream"),
        Case("ivf", "VP8", "-", "raw stream"),
        Case("mjpeg", "MJPEG", "-", "raw stream"),
        Case("mkv", "H.264", "AAC", "subtitles and chapters", "-metadata title=entrevista"),
        Case("txt", "-", "PCM 16", "no medium", "-f ffmetadata", refused=True, fast=True),
    ]


CASES: Final = [*_plain(), *_rates(), *_quirks()]

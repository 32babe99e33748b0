"""The words of the live view and of the lines."""

from __future__ import annotations

from typing import Any, Final

from emoedge.emotions import Language
from emoedge.translation import Phrase, tr

_WORDS: Final[dict[str, Phrase]] = {
    "emotion": tr("emotion"),
    "event": tr("episode"),
    "begin": tr("begins"),
    "end": tr("ends"),
    "voice": tr("voice"),
    "text": tr("text"),
    "face": tr("face"),
    "nobody": tr("nobody there"),
    "no_opinion": tr("no opinion"),
    "unsure": tr("not sure"),
    "still": tr("no opinion (a photograph)"),
    "recording": tr("recording"),
    "started": tr("started"),
    "finished": tr("finished"),
    "deleted": tr("deleted"),
    "failed": tr("failed"),
    "by": tr("by"),
    "health": tr("health"),
    "fusion": tr("fusion"),
    "faces": tr("faces"),
    "quality": tr("quality"),
    "said": tr("said"),
    "last": tr("last events"),
    "record": tr("record"),
    "privacy": tr("privacy"),
    "quit": tr("quit"),
    "online": tr("online"),
    "offline": tr("offline"),
    "waiting": tr("waiting for messages"),
    "refused": tr("refused"),
    "until": tr("until"),
    "unseen": tr("out of view"),
    "is_degraded": tr("degraded"),
    "is_failed": tr("not working"),
    "or": tr("or"),
    "was": tr("now"),
    "stale_offline": tr("OFFLINE: these are the last values"),
    "stale_privacy": tr("PRIVACY: camera and microphone are closed"),
    "no_device": tr("no message from {device} yet"),
    "others": tr("devices on this broker: {devices}; name one with --device"),
    "help": tr("help"),
    "weight": tr("face weight"),
    "margin": tr("margin"),
    "curve": tr("last minutes"),
    "help_record": tr("start or stop a recording"),
    "help_privacy": tr("switch privacy on or off: camera and microphone are closed"),
    "help_weight": tr("less or more weight of the face"),
    "help_margin": tr("smaller or larger margin of doubt"),
    "help_help": tr("show or hide this help"),
    "help_quit": tr("quit"),
    "help_marks": tr("● well   ▲ degraded   ✖ failed   ○ off   ? in doubt"),
    "camera": tr("camera"),
    "microphone": tr("microphone"),
    "placement": tr("placement"),
    "broker": tr("broker"),
    "spool": tr("queue"),
    "clock": tr("clock"),
    "machine": tr("machine"),
    "governor": tr("load"),
    "decisions": tr("decisions"),
    "log": tr("log"),
    "control": tr("controls"),
    "history": tr("history"),
    "snapshot": tr("snapshot"),
    "web": tr("console"),
    "disk": tr("disk"),
    "model": tr("model"),
    "activity": tr("speech activity"),
    "console": tr("console"),
    "recordings": tr("recordings"),
    "state": tr("state folder"),
    "encoder": tr("encoder"),
    "inference": tr("inference"),
    "board": tr("board"),
    "certificates": tr("certificates"),
    "secrets": tr("secrets"),
    "speaker": tr("speaker"),
    "socket": tr("socket"),
    "metrics": tr("metrics"),
    "gpio": tr("button and light"),
}


def word(key: str, language: Language, **values: Any) -> str:
    """A word of the interface in a language; the key itself where there is none."""
    phrase = _WORDS.get(key)
    if phrase is None:
        return key
    return (phrase.filled(**values) if values else phrase).in_language(language)

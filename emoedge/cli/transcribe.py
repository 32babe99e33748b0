"""`emoedge transcribe`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from emoedge.cli.options import audio_track_option, common, settings_from
from emoedge.errors import MediaError


@click.command
@common
@click.option("--model", help="Speech model to use instead of the configured one: a name or a path.")
@audio_track_option
@click.argument("sounds", nargs=-1, required=True, metavar="SOUND…")
def command(
    config_path: Path | None, model: str | None, audio_track: int | None, sounds: tuple[str, ...]
) -> int:
    """Transcribe Spanish audio offline, with word times: one JSON line per file.

    \b
    Example:
      emoedge transcribe note.wav
      emoedge transcribe --model vosk-es-demo demo.mp4
      emoedge transcribe --audio-track 1 interview.mkv
    """
    from emoedge.capture.tracks import Tracks
    from emoedge.cli.options import with_speech_model
    from emoedge.pipeline.perception import build_recogniser
    from emoedge.pipeline.transcripts import Transcriber

    settings = settings_from(config_path)
    transcriber = Transcriber(build_recogniser(with_speech_model(settings, model)))
    failed = False
    for item in sounds:
        try:
            line = {"item": item, **transcriber.transcribe(Path(item), Tracks(audio=audio_track))}
        except MediaError as error:
            line = {"item": item, "error": str(error)}
        failed = failed or "error" in line
        click.echo(json.dumps(line, ensure_ascii=False))
    return 1 if failed else 0

"""`emoedge evaluate`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from emoedge.cli.options import common, progress, say, settings_from, with_speech_model
from emoedge.cli.replay import batch_bar, tell_batch
from emoedge.errors import MediaError
from emoedge.translation import tr


@click.command
@common
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--json", "machine", is_flag=True, help="Print the figures and the answers to each clip as JSON."
)
@click.option(
    "--out",
    "kept",
    type=click.Path(file_okay=False, path_type=Path),
    help="Store the results of replay in this folder, so that a second call can reuse them.",
)
@click.option("--speech-model", help="Speech model to use instead of the configured one: a name or a path.")
@click.option("--jobs", type=click.IntRange(min=1), help="Files at once.  [default: one a core]")
def command(
    config_path: Path | None,
    folder: Path,
    machine: bool,
    kept: Path | None,
    speech_model: str | None,
    jobs: int | None,
) -> int:
    """Measure the accuracy of face, voice, text and both fusions on a folder of labelled clips.

    A label comes from labels.csv in the folder (columns file,label), or from the name of a folder, or from
    that of the file: anger/a.mp4, alegría/b.wav, 03-sad.mp4. Clips without a label are left out. The
    intervals (95 %) take the clips for independent of each other.

    \b
    Example:
      emoedge evaluate my-clips
      emoedge evaluate my-clips --out results --json > figures.json
    """
    from emoedge.batch.run import ERRORS
    from emoedge.evaluation import LabelledClips, as_json, as_text, evaluate

    settings = with_speech_model(settings_from(config_path), speech_model)
    with TemporaryDirectory() as temporary:
        results = kept or Path(temporary)
        clips = LabelledClips.find(folder, results)
        if clips.unlabelled:
            total = len(clips.jobs) + len(clips.unlabelled)
            say(
                tr(
                    "{unlabelled} of {total} clips have no label and are skipped",
                    unlabelled=len(clips.unlabelled),
                    total=total,
                ),
                err=True,
            )
        processes = jobs or len(os.sched_getaffinity(0))
        try:
            with progress(f"{len(clips.jobs)} clips", len(clips.jobs)) as show:
                evaluation, report = evaluate(settings, clips, results, processes, batch_bar(show))
        except OSError as error:
            remedy = tr("name another folder with --out")
            raise MediaError(
                tr("cannot write {results}: {strerror}", results=results, strerror=error.strerror), remedy
            ) from error
    tell_batch(report, kept / ERRORS if kept else None)
    if machine:
        click.echo(json.dumps(as_json(evaluation), ensure_ascii=False, indent=1))
    else:
        click.echo(as_text(evaluation.scores, settings.language))
    return 1 if report.failures else 0

"""`emoedge demo`."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from emoedge.cli.options import common, say, settings_from
from emoedge.logs import set_up_logging
from emoedge.translation import tr, use_language


@click.command
@common
@click.argument("clip", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-output"),
    show_default=True,
    help="Folder for the recording and its report.",
)
@click.option("--no-web", is_flag=True, help="Do not install the console.")
def command(config_path: Path | None, clip: Path | None, output: Path, no_web: bool) -> None:
    """Run the whole pipeline in real time on the bundled clip or on yours, and show episodes live.

    Writes a recording and its report. If the configured broker does not answer, it starts its own. It also
    starts the console and prints its address.

    \b
    Example:
      emoedge demo
      emoedge demo holiday.mp4 --output holiday
    """
    from emoedge.demo.clip import ensure_demo_clip
    from emoedge.demo.run import run_demo

    if click.get_current_context().get_parameter_source("log_level") == ParameterSource.DEFAULT:
        set_up_logging("error")  # faults are shown as health lines
    settings = settings_from(config_path)
    use_language(settings.language)  # its output is mixed with the results, in one language
    own_clip = clip is not None
    clip = clip or ensure_demo_clip()
    result = run_demo(settings, clip, output, say, own_clip=own_clip, web=not no_web)
    counts = ", ".join(f"{count} {suffix}" for suffix, count in sorted(result.messages.items()))
    say(tr("messages over the broker: {counts}", counts=counts))
    say(tr("recording: {recording}", recording=result.recording))
    from emoedge.record.store import Store
    from emoedge.report import find_source, write_page

    report = result.recording.with_suffix(".html")
    write_page(find_source(str(result.recording), Store(output)), report, settings.language)
    say(tr("report:    {report}", report=report))

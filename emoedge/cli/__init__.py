"""The command line: one file a command, no logic of its own, heavy imports only where they are used."""

from __future__ import annotations

import gc
import logging
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from emoedge.cli.groups import SuggestingGroup, TranslatedContext
from emoedge.cli.language import prepare_language
from emoedge.cli.options import CONFIG_HELP, LEVEL_HELP, LEVELS, say
from emoedge.cli.streams import NoReaderError, prepare_streams
from emoedge.errors import EmoedgeError
from emoedge.translation import joined, localized, tr, translated
from emoedge.version import __version__, commit

# Name -> (module with a click command called `command`, one line for the list of commands). Listed here so
# that `emoedge --help` does not import them.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "run": ("emoedge.cli.run", "The daemon: camera and microphone to MQTT and recordings"),
    "demo": ("emoedge.cli.demo", "The whole pipeline on a clip, shown live"),
    "replay": ("emoedge.cli.replay", "Run the pipeline on files, with JSON lines as output"),
    "classify": ("emoedge.cli.classify", "The emotion of faces, voices or sentences"),
    "evaluate": ("emoedge.cli.evaluate", "Accuracy on a folder of labelled clips"),
    "transcribe": ("emoedge.cli.transcribe", "Transcripts of audio files, with word times"),
    "check": ("emoedge.cli.check", "Validate the configuration"),
    "doctor": ("emoedge.cli.doctor", "Check whether the daemon can run here"),
    "devices": ("emoedge.cli.devices", "Cameras and microphones with their stable identifiers"),
    "models": ("emoedge.cli.models", "List, fetch and verify the models"),
    "recordings": ("emoedge.cli.recordings", "List, show and purge the local recordings"),
    "history": ("emoedge.cli.history", "Emotions over time, hour by hour, without video"),
    "report": ("emoedge.cli.report", "One self-contained page about a segment or a day"),
    "annotate": ("emoedge.cli.annotate", "Subtitles, ELAN, EmotionML or tables of media files"),
    "watch": ("emoedge.cli.watch", "The live state of a daemon in the terminal"),
    "web": ("emoedge.cli.web", "The console: this device's own pages for a browser"),
    "bench": ("emoedge.cli.bench", "Time each stage and the whole pipeline on this machine"),
    "support": ("emoedge.cli.support", "Archive for a problem report, without personal data"),
    "service": ("emoedge.cli.service", "Install, remove or show the systemd service"),
}

EXIT_INTERRUPTED: Final = 130

# Each stage has its own thread. Matrices and frames are small: distributing one over threads that spin while
# # they wait costs several times the arithmetic, and takes the cores from Vosk. The libraries read these when
# they are loaded; values that are set already take precedence.
ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    # Looking for plugins reads the metadata of every installed package.
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
}


IMPORTED_OBJECTS: Final = 80_000
"""Objects that the imports of a short command make; the daemon's make more."""


class LazyGroup(SuggestingGroup):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        command.context_class = TranslatedContext
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click itself takes every broken pipe for the one on standard output."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _machine_error(error) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands without importing any."""
        with formatter.section(translated("Commands")):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _show_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        made_from = commit()
        click.echo(f"emoedge {__version__}" + (f" ({made_from})" if made_from else ""))
        context.exit()


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option("--config", "config_path", type=click.Path(dir_okay=False, path_type=Path), help=CONFIG_HELP)
@click.option("--log-level", type=click.Choice(LEVELS), help=LEVEL_HELP)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
def cli(config_path: Path | None, log_level: str | None) -> None:
    """Offline emotion sensor: face, voice and text of a Spanish speaker, over MQTT.

    \b
    Example:
      emoedge demo
      emoedge run --config /etc/emoedge/emoedge.toml
    """


def put_off_collection() -> None:
    """Have no garbage collected during the imports: what they make stays, and would be searched often."""
    usual = gc.get_threshold()
    if usual[0] == IMPORTED_OBJECTS:
        return

    def back_to_usual(_phase: str, _figures: dict[str, int]) -> None:
        gc.set_threshold(*usual)
        gc.callbacks.remove(back_to_usual)

    gc.callbacks.append(back_to_usual)
    gc.set_threshold(IMPORTED_OBJECTS)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0 success, 1 the work failed, 2 the call or the configuration is wrong, 130
        interrupted.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    put_off_collection()
    prepare_streams()
    prepare_language(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(arguments)
        try:
            sys.stdout.flush()
        except OSError as error:
            return code or fail(_machine_error(error))
    except NoReaderError:
        return 0  # the reader has seen enough, as in `emoedge replay … | head`
    return code


def _run(arguments: list[str] | None) -> int:
    try:
        result = cli.main(args=arguments, prog_name="emoedge", standalone_mode=False)
    except EmoedgeError as error:
        return fail(error)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return 2 if isinstance(error, click.UsageError) else error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say(tr("interrupted"), err=True)
        return EXIT_INTERRUPTED
    except OSError as error:
        return fail(_machine_error(error))
    return result if isinstance(result, int) else 0


def _machine_error(error: OSError) -> EmoedgeError:
    """Describe a full disk or a missing folder in the system's words."""
    logging.getLogger(__name__).debug("where it happened", exc_info=error)
    parts = (str(error.filename),) if error.filename else ()
    what = joined((*parts, str(error.strerror or error)), ": ")
    return EmoedgeError(what, tr("check the path, the disk and its permissions"))


def fail(error: EmoedgeError) -> int:
    """Print an expected failure and return its exit code."""
    click.echo(f"emoedge: {localized(error.message)}", err=True)
    if error.remedy:
        click.echo(f"  -> {localized(error.remedy)}", err=True)
    return error.exit_code

"""`emoedge replay`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import click

from emoedge.cli.options import common, progress, settings_from
from emoedge.errors import BrokerError

if TYPE_CHECKING:
    from emoedge.config import Settings
    from emoedge.publish.messages import Message


CONNECT_WAIT_S: Final = 10.0
DRAIN_S: Final = 10.0


@click.command
@common
@click.argument("media", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File for the JSON lines."
)
@click.option("--speed", type=click.Choice(["max", "realtime"]), default="max", show_default=True)
@click.option("--publish", is_flag=True, help="Send the messages to the configured broker too.")
@click.option("--speech-model", help="Speech model to use instead of the configured one: a name or a path.")
def command(
    config_path: Path | None,
    media: Path,
    output: Path | None,
    speed: str,
    publish: bool,
    speech_model: str | None,
) -> None:
    """The same pipeline from a file: one JSON line per message that the daemon would publish.

    Times are media times (`time_s`); two runs of the same file give the same lines.

    \b
    Example:
      emoedge replay clip.mp4 -o events.jsonl
      emoedge replay clip.mp4 --speed realtime --publish
    """
    from emoedge.capture.media import probe
    from emoedge.pipeline import Pipeline
    from emoedge.pipeline.realtime import keep_time

    settings = _with_model(settings_from(config_path), speech_model)
    info = probe(media)
    pipeline = Pipeline(settings)
    for part in pipeline.perception.health:
        if part.state == "failed":
            click.echo(f"{part.name}: {part.reason}", err=True)
    with ExitStack() as stack:
        out: TextIO = stack.enter_context(output.open("w", encoding="utf-8")) if output else sys.stdout
        send = stack.enter_context(_sender(settings)) if publish else None
        show = stack.enter_context(progress(media.name, info.duration_s, unit="s"))
        messages = pipeline.replay(media, show)
        for message in keep_time(messages) if speed == "realtime" else messages:
            _write(out, settings, message)
            if send:
                send(message)


def _with_model(settings: Settings, speech_model: str | None) -> Settings:
    if speech_model is None:
        return settings
    speech = settings.speech.model_copy(update={"model": speech_model})
    return settings.model_copy(update={"speech": speech})


def _write(out: TextIO, settings: Settings, message: Message) -> None:
    from emoedge.publish.messages import to_json

    line = {"topic": f"{settings.topic_base}/{message.suffix}", "payload": message.payload}
    out.write(to_json(line) + "\n")


@contextmanager
def _sender(settings: Settings) -> Iterator[Callable[[Message], None]]:
    """Publishes to the configured broker while it lasts."""
    from emoedge.clock import SystemClock
    from emoedge.publish.messages import MessageBuilder
    from emoedge.publish.publisher import Publisher

    # Beside a running daemon: its client id, its status and its spool stay its own.
    publisher = Publisher(settings, MessageBuilder(settings.device_id, SystemClock()), secondary=True)
    publisher.start()
    try:
        if not publisher.wait_connected(CONNECT_WAIT_S):
            reason = publisher.health()[0].reason
            raise BrokerError(reason or "the broker does not answer", "check mqtt.host and mqtt.port")
        yield publisher.publish
    finally:
        publisher.stop(DRAIN_S)

"""`emoedge run`."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Final

import click

from emoedge.cli.options import common, say
from emoedge.logs import finish_log, log_in_background
from emoedge.translation import tr

logger = logging.getLogger(__name__)

LOG_STOP_S: Final = 0.3
"""A log that is not read keeps the process no longer than this."""
NOT_FOR_OTHERS: Final = 0o007
EXIT_CODES: Final = {signal.SIGTERM: 0, signal.SIGINT: 130, signal.SIGHUP: 129}
"""129 is not zero, so that the service manager restarts the daemon, which re-reads the configuration."""


@click.command
@common
def command(config_path: Path | None) -> int:
    """The daemon: camera and microphone to MQTT and recordings, until SIGTERM or Ctrl-C.

    SIGHUP ends it in order as well, with exit code 129: the service is started again, with the
    configuration as it is then. A second one on the same state folder, or with the same client id at the same
    broker, ends with exit code 1 and names the process of the first.

    \b
    Example:
      emoedge run
      EMOEDGE_CAMERA__SOURCE=file:clip.mp4 EMOEDGE_MICROPHONE__SOURCE=file:clip.mp4 emoedge run
    """
    from emoedge.supervise.malloc import keep_together

    keep_together()
    from emoedge.config import load_settings
    from emoedge.supervise.assembly import assemble
    from emoedge.supervise.daemon import Daemon, run
    from emoedge.supervise.instance_lock import InstanceLock
    from emoedge.supervise.stop_request import StopRequest
    from emoedge.supervise.systemd_notify import Notifier

    settings = load_settings(config_path)  # the daemon does not follow the locale
    # Stored files are only for this user and the group, however the process was started.
    os.umask(os.umask(0) | NOT_FOR_OTHERS)
    _lock = InstanceLock(settings)  # until the process ends
    stop = StopRequest()
    told: list[signal.Signals] = []

    def end(number: int, _frame: FrameType | None) -> None:
        told.append(signal.Signals(number))
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup(1)
        signal.signal(signal.SIGHUP, end)
    say(tr("emoedge runs as {topics}; stop it with Ctrl-C", topics=settings.topic_base), err=True)
    log_in_background()
    daemon = Daemon(assemble(settings))
    reason = run(daemon, stop, Notifier())
    if reason:
        logger.error("%s", reason)
    told += [signal.SIGHUP] if daemon.restart.is_set() else []
    return _leave(1 if reason else EXIT_CODES[told[0]] if told else 0)


def _leave(code: int) -> int:
    """End at once where a thread is still inside a driver or a model.

    The interpreter's own end would kill it there, to which C++ answers with abort: systemd then takes a
    stop that was asked for to be a failure.
    """
    finish_log(LOG_STOP_S)
    if any(thread.daemon for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code)
    return code

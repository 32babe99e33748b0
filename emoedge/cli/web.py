"""`emoedge web`."""

from __future__ import annotations

import logging
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from emoedge.cli.options import common, say, settings_from
from emoedge.errors import ConfigError
from emoedge.translation import localized, tr

if TYPE_CHECKING:
    from emoedge.config import Settings
    from emoedge.web.access import AccessStore


@click.group(invoke_without_command=True)
@common
@click.option("--bind", metavar="ADDRESS", help="Listen on this address instead of web.bind.")
@click.pass_context
def command(context: click.Context, config_path: Path | None, bind: str | None) -> None:
    """The console: this device's own pages for a browser, until SIGTERM or Ctrl-C.

    \b
    Example:
      emoedge web
      emoedge web --bind [::]:8099
      emoedge web key
    """
    if context.invoked_subcommand is not None:
        if bind is not None or config_path is not None:
            raise ConfigError(
                tr("options must follow the subcommand"), tr("write: emoedge web key --config FILE")
            )
        return
    from emoedge.config import with_changes
    from emoedge.web.run import run_console

    settings = settings_from(config_path)
    if bind is not None:
        settings = with_changes(settings, "web", {"bind": bind})
    run_console(settings, config_path, _store(settings), lambda line: say(line, err=True))


@command.command("key")
@common
@click.option("--view", is_flag=True, help="Make a key that can only read, and switch privacy on.")
def make_key(config_path: Path | None, view: bool) -> None:
    """Make a key, end the sessions of the old one, and print the address that opens with it, once.

    \b
    Example:
      emoedge web key
      emoedge web key --view
    """
    from emoedge.web.address import address_of

    settings = settings_from(config_path)
    key = _store(settings).make_key("view" if view else "full")
    address = f"{address_of(settings.web)}#key={key}"
    click.echo(address)
    if sys.stdout.isatty():
        from emoedge.web.qr_code import qr_lines

        click.echo("\n".join(qr_lines(address)))


@command.command("password")
@common
@click.option("--remove", is_flag=True, help="Remove the password; the key remains.")
def set_password(config_path: Path | None, remove: bool) -> None:
    """Set a password of at least 10 characters; only its hash is stored. Ends all sessions.

    \b
    Example:
      emoedge web password
      emoedge web password --remove
    """
    store = _store(settings_from(config_path))
    if remove:
        store.set_password(None)
        say(tr("the password was removed"))
        return
    if sys.stdin is not None and sys.stdin.isatty():
        password = click.prompt(
            localized(tr("Password")), hide_input=True, confirmation_prompt=True, err=True
        )
    else:
        password = (sys.stdin.readline() if sys.stdin is not None else "").rstrip("\r\n")
    store.set_password(password)
    say(tr("the password was saved"))


@command.command("sessions")
@common
@click.option("--end", is_flag=True, help="End all sessions.")
def show_sessions(config_path: Path | None, end: bool) -> None:
    """List the sessions: created, last used, address and access.

    \b
    Example:
      emoedge web sessions
      emoedge web sessions --end
    """
    store = _store(settings_from(config_path))
    if end:
        say(tr("{count} session ended", "{count} sessions ended", count=store.end_sessions()))
        return
    for session in store.sessions():
        created, used = (_local(moment_s) for moment_s in (session.created_s, session.used_s))
        say(
            tr(
                "since {created}  used {used}  {access:4}  {address}",
                created=created,
                used=used,
                access=session.access,
                address=session.address,
            )
        )


@command.command("certificate")
@common
@click.option(
    "--name", "names", multiple=True, help="A name or address beside this machine's own; repeatable."
)
def make_certificate(config_path: Path | None, names: tuple[str, ...]) -> None:
    """Make a certificate for the local network and set web.tls_certificate and web.tls_key to it.

    Browsers ask once whether to trust it: compare the fingerprint that this command prints.

    \b
    Example:
      sudo emoedge web certificate
      sudo emoedge web certificate --name salon.lan
    """
    from emoedge.config.console_file import ConsoleFile, to_toml
    from emoedge.files import write_atomically
    from emoedge.web.access import state_folder
    from emoedge.web.certificate import CERTIFICATE, DROP_IN, KEY, names_of_this_machine
    from emoedge.web.certificate import make_certificate as make

    settings_from(config_path)  # a configuration error is reported before anything is created
    folder = state_folder()
    fingerprint = make(folder, [*names_of_this_machine(), *names])
    values = {"tls_certificate": str(folder / CERTIFICATE), "tls_key": str(folder / KEY)}
    drop_in = ConsoleFile(config_path).path.with_name(DROP_IN)
    write_atomically(drop_in, to_toml({"web": values}), mode=0o644)
    click.echo(f"SHA-256 {fingerprint}")
    say(
        tr(
            "{drop_in} names it; restart the console, run: sudo systemctl restart emoedge-web",
            drop_in=drop_in,
        ),
        err=True,
    )


def _local(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s).astimezone().isoformat(sep=" ", timespec="minutes")


def _store(settings: Settings) -> AccessStore:
    from emoedge.web.access import AccessStore, state_folder

    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    password = settings.web.password
    return AccessStore(
        state_folder(),
        session_days=settings.web.session_days,
        password=password.get_secret_value() if password else None,
    )

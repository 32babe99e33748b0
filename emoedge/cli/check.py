"""`emoedge check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emoedge.cli.options import common, say, settings_from
from emoedge.errors import ConfigError
from emoedge.translation import tr

if TYPE_CHECKING:
    from emoedge.config import Settings
    from emoedge.doctor.result import CheckResult


@click.command
@common
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(config_path: Path | None, as_json: bool) -> int:
    """Validate the configuration; report file, line, key and the expected value.

    A missing model is a warning: the daemon runs without it.

    \b
    Example:
      emoedge check --config /etc/emoedge/emoedge.toml
    """
    from emoedge.config import drop_ins, used_file
    from emoedge.doctor.certificates import check_certificates
    from emoedge.doctor.model_check import missing_models

    try:
        settings = settings_from(config_path)
        results = [*check_certificates(settings), *missing_models(settings)]
        _refuse_failed(results)
    except ConfigError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"valid": False, **_faults(error)}, ensure_ascii=False))
        return error.exit_code
    warnings = [(result.detail, result.remedy) for result in results if result.state == "warning"]
    used = config_path or used_file()
    files = [str(path) for path in (used, *drop_ins(used))] if used else []
    if as_json:
        click.echo(json.dumps(_facts(settings, files, warnings), ensure_ascii=False))
        return 0
    for detail, remedy in warnings:
        say(tr("warning: {detail} ({remedy})", detail=detail, remedy=remedy), err=True)
    say(
        tr(
            "configuration is valid: {where}; device {device}, topics {topics}/…",
            where=", ".join(files) if files else tr("built-in defaults (no configuration file found)"),
            device=settings.device_id,
            topics=settings.topic_base,
        )
    )
    return 0


def _refuse_failed(results: list[CheckResult]) -> None:
    for result in results:
        if result.state == "failed":
            raise ConfigError(result.detail, result.remedy)


def _facts(settings: Settings, files: list[str], warnings: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "valid": True,
        "files": files,
        "device": settings.device_id,
        "topics": settings.topic_base,
        "warnings": [{"message": detail, "remedy": remedy} for detail, remedy in warnings],
    }


def _faults(error: ConfigError) -> dict[str, Any]:
    from emoedge.config.problems import SettingsError

    problems = error.problems if isinstance(error, SettingsError) else []
    return {
        "problems": [
            {
                "source": problem.source,
                "line": problem.line,
                "key": problem.key,
                "message": problem.fault,
            }
            for problem in problems
        ]
        or [{"source": None, "line": None, "key": None, "message": error.message}],
        "remedy": error.remedy,
    }

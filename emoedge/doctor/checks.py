"""All checks in the order in which they are shown."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final

from emoedge.config import Settings
from emoedge.doctor.broker import check_broker
from emoedge.doctor.certificates import check_certificates
from emoedge.doctor.console import check_console
from emoedge.doctor.machine import check_clock, check_machine
from emoedge.doctor.model_check import check_models
from emoedge.doctor.placement import check_placement
from emoedge.doctor.result import CheckResult, failed
from emoedge.doctor.sources import check_camera, check_microphone
from emoedge.doctor.storage import check_encoder, check_secrets, check_storage
from emoedge.errors import EmoedgeError
from emoedge.translation import tr

logger = logging.getLogger(__name__)

Check = Callable[[Settings], Iterable[CheckResult]]

CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("camera", check_camera),
    ("microphone", check_microphone),
    ("placement", check_placement),
    ("models", check_models),
    ("certificates", check_certificates),
    ("broker", check_broker),
    ("storage", check_storage),
    ("encoder", check_encoder),
    ("secrets", check_secrets),
    ("console", check_console),
    ("clock", check_clock),
    ("machine", check_machine),
)


def run_checks(
    settings: Settings,
    tell: Callable[[str], None] = lambda _name: None,
    checks: Iterable[tuple[str, Check]] = CHECKS,
) -> list[CheckResult]:
    """Try everything that the configuration asks for; takes some seconds.

    Args:
        settings: the configuration to try.
        tell: called with a name before each check, for a progress display.
        checks: for tests.

    Returns:
        One or more results a check. The daemon would run as configured when none is "failed".
    """
    results: list[CheckResult] = []
    for name, check in checks:
        tell(name)
        try:
            results.extend(check(settings))
        except EmoedgeError as error:
            results.append(failed(name, error.message, error.remedy or tr("see the message")))
        except Exception as error:
            logger.debug("check %s", name, exc_info=True)
            results.append(
                failed(
                    name,
                    f"{type(error).__name__}: {error}",
                    tr("install emoedge again: scripts/setup, or scripts/install"),
                )
            )
    return results

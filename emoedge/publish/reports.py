"""State of the broker and of the spool for `health`. Pure."""

from __future__ import annotations

from emoedge.health import Health
from emoedge.publish.messages import quote
from emoedge.publish.outbox import Outbox
from emoedge.publish.session import MqttSession
from emoedge.translation import tr

Figures = dict[str, float | int | str | None]


def broker_health(session: MqttSession, fault: str, refused_commands: int) -> Health:
    """The connection.

    Args:
        session: the connection to the broker.
        fault: of one of its threads, empty when all is well.
        refused_commands: number of refused commands so far.
    """
    state, echo = session.state, session.echo
    figures: Figures = {
        "protocol": state.protocol,
        "connections": session.connections,
        "refused_commands": refused_commands,
        "limits": session.limits.text,
    }
    if session.oversized.count:
        figures |= {"oversized": session.oversized.count, "oversized_topic": quote(session.oversized.last)}
    if echo is not None:
        figures["echo_ms"] = None if echo.round_trip_ms is None else round(echo.round_trip_ms, 1)
        figures["echo_failures"] = echo.failures
    if fault:
        return Health("broker", "failed", tr("{fault}; restart the service", fault=fault), figures)
    if state.name == "stopped":
        return Health("broker", "off", "", figures)
    if state.name == "connected":
        return Health("broker", "degraded" if state.reason else "ok", state.reason, figures)
    if state.name == "connecting":
        return Health("broker", "degraded", tr("connecting to the broker"), figures)
    return Health("broker", "degraded" if state.name == "away" else "failed", state.reason, figures)


def spool_health(outbox: Outbox, dropped_before: int, limit: int) -> Health:
    """Return the state of the queued and lost messages.

    Args:
        outbox: what waits.
        dropped_before: messages that did not even get there.
        limit: the bound on the disk.
    """
    depth = outbox.on_disk + outbox.in_memory
    dropped = outbox.dropped + dropped_before
    figures: Figures = {
        "depth": depth,
        "limit": limit,
        "in_memory": outbox.in_memory,
        "in_flight": outbox.in_flight,
        "dropped": dropped,
        "commits": outbox.commits,
    }
    if outbox.refused:
        figures["set_aside"] = outbox.refused
    if outbox.disk_error:
        return Health(
            "spool",
            "degraded",
            tr("messages wait in memory only: {disk_error}", disk_error=outbox.disk_error),
            figures,
        )
    if outbox.set_aside:
        return Health("spool", "degraded", tr("a damaged spool was moved aside; check the disk"), figures)
    if outbox.damaged:
        reason = tr(
            "{damaged} messages were damaged on disk and are set aside; check the disk",
            damaged=outbox.damaged,
        )
        return Health("spool", "degraded", reason, figures)
    if outbox.refused:
        reason = tr(
            "the broker did not accept {refused} messages, which are set aside", refused=outbox.refused
        )
        remedy = tr("check its access list and its limits")
        return Health(
            "spool",
            "degraded",
            tr(
                "{reason}; the last one was on {last_refused} ({remedy})",
                reason=reason,
                last_refused=outbox.last_refused,
                remedy=remedy,
            ),
            figures,
        )
    if dropped and depth:
        return Health(
            "spool",
            "degraded",
            tr("{dropped} messages lost: the broker was away too long", dropped=dropped),
            figures,
        )
    return Health("spool", "ok", "", figures)

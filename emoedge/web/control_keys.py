"""Controls that stand for a key of the configuration, and override the files until they are cleared."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from typing import Any, Final

from emoedge.config.console_file import keys_of
from emoedge.web.context import Context
from emoedge.web.errors import ApiError

KEY_OF_CONTROL: Final = {
    "face_weight": "fusion.face_weight",
    "margin": "fusion.margin",
    "recording_mode": "recording.mode",
}


async def overriding(context: Context) -> dict[str, Any]:
    """Key -> the value in force, of the keys that a control of the running daemon overrides."""
    state = await context.link.state()
    return {
        KEY_OF_CONTROL[name]: value if name == "recording_mode" else float(value)
        for name in state["set_by_command"]
        if (value := state["controls"].get(name)) is not None
    }


async def clear(context: Context, name: str) -> str:
    """Have the value of the files count again in the running daemon, and return it; raises ApiError."""
    owner, attribute = keys_of(context.settings)[KEY_OF_CONTROL[name]]
    value = getattr(owner, attribute)
    text = value if isinstance(value, str) else f"{value:.9f}".rstrip("0").rstrip(".")
    await context.link.ask("control_clear", name=name, value=text)
    return text


async def apply_saved(context: Context, keys: Collection[str]) -> bool:
    """Clear the controls of keys that were saved; return whether the daemon has taken all of them.

    What a daemon that does not run has kept is cleared as soon as it runs.
    """
    names = [name for name, key in KEY_OF_CONTROL.items() if key in keys]
    context.to_clear.update(names)
    await clear_waiting(context)
    return not context.to_clear.intersection(names)


async def clear_waiting(context: Context) -> None:
    """Clear the controls whose keys were saved while the daemon could not be asked."""
    for name in sorted(context.to_clear):
        with contextlib.suppress(ApiError):
            await clear(context, name)
            context.to_clear.discard(name)

"""`/api/about`: version, licences, models with their figures, what leaves the device, documentation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from emoedge.config import Settings
from emoedge.emotions import Language
from emoedge.errors import ModelError
from emoedge.files import read_json, read_small
from emoedge.model_store.manifest import TEXT_MODEL, load_manifest, package_models_dir
from emoedge.package_files import package_folder
from emoedge.redact import public_address
from emoedge.version import RELEASED, __version__, commit
from emoedge.web.body import dumps, granted
from emoedge.web.context import context_of
from emoedge.web.errors import ApiError

MOST_BYTES: Final = 1_000_000
DOCUMENTS: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        *("tutorial", "console", "configuration", "mqtt", "recordings", "history"),
        *("lawful-use", "troubleshooting", "upgrading"),
    ),
    "es": (
        *("es/tutorial", "es/consola", "es/configuracion", "es/mqtt", "es/grabaciones", "es/historial"),
        *("es/privacidad", "es/problemas", "es/actualizar"),
    ),
}
"""Pages of the documentation that owners of a device need, below `docs/`."""
NETWORK_SOURCES: Final = ("rtsp", "rtsps", "http", "https", "rtmp", "srt", "udp", "tcp")


def _test_of(name: str, *path: str) -> Callable[[Any], Any]:
    def read(document: Any) -> Any:
        for part in path:
            document = document[part]
        return document[name]

    return read


FIGURES: Final[dict[str, tuple[tuple[str, str, Callable[[Any], Any]], ...]]] = {
    "face_emotion": (
        ("accuracy", "FER+ Test", _test_of("accuracy", "metrics", "test")),
        ("recall", "FER+ Test", _test_of("macro_recall", "metrics", "test")),
    ),
    "voice_emotion": (
        ("recall", "alone", _test_of("uar", "metrics", "alone")),
        ("recall", "session", _test_of("uar", "metrics", "session")),
    ),
    TEXT_MODEL: (
        ("f1", "BRIGHTER", _test_of("macro_f1", "sets", "brighter", "transcript")),
        ("f1", "EmoEvent", _test_of("macro_f1", "sets", "emoevent", "transcript")),
        ("f1", "MEACorpus", _test_of("macro_f1", "sets", "meacorpus", "transcript")),
    ),
    "fusion": (
        ("recall", "rule", _test_of("rule", "metrics", "all three", "recall")),
        ("recall", "learned", _test_of("learned", "metrics", "all three", "recall")),
    ),
}
"""Model -> main figures: what is measured, on what, and where its card's figures hold it."""


async def show_about(request: Request) -> Response:
    """Return everything that the page about the device shows."""
    settings, language = context_of(request).settings, granted(request).language

    def collect() -> dict[str, Any]:
        return {
            "schema": 1,
            "device": settings.device_id,
            "version": __version__,
            "commit": commit(),
            "released": RELEASED,
            "licence": "MIT",
            "models": _models(),
            "leaves": _leaves(settings),
            "documents": _documents(language),
        }

    return Response(dumps(await run_in_threadpool(collect)), media_type="application/json")


async def show_card(request: Request) -> Response:
    """Return the card of a model as text."""
    try:
        entry = load_manifest().get(request.path_params["name"])
    except ModelError as error:
        raise ApiError(404, "missing") from error
    return await _text(_card(entry.card))


async def show_document(request: Request) -> Response:
    """Return a page of the documentation as text."""
    name = request.path_params["name"]
    if name not in {one for names in DOCUMENTS.values() for one in names}:
        raise ApiError(404, "missing")
    return await _text(package_folder("docs") / f"{name}.md")


async def _text(path: Path | None) -> Response:
    if path is None:
        raise ApiError(404, "missing")
    try:
        data = await run_in_threadpool(read_small, path, MOST_BYTES)
    except (OSError, ValueError) as error:
        raise ApiError(404, "missing") from error
    return PlainTextResponse(data)


def _card(card: str) -> Path | None:
    """Return the file of a card that came with emoedge; None for an address."""
    path = package_models_dir() / Path(card).relative_to("models") if card.startswith("models/") else None
    return path if path is not None and path.is_file() else None


def _models() -> list[dict[str, Any]]:
    return [
        {
            "name": entry.name,
            "use": entry.use,
            "licence": entry.licence,
            "card": _card(entry.card) is not None,
            "figures": _figures(entry.name),
        }
        for entry in load_manifest().entries
        if entry.shipped
    ]


def _figures(name: str) -> list[dict[str, Any]]:
    """Return the main figures of a model; a value may have the bounds of its interval behind it."""
    wanted = FIGURES.get(name, ())
    try:
        document = read_json(package_models_dir() / f"{name}.json") if wanted else {}
        found = [(figure, of, read(document)) for figure, of, read in wanted]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [
        {"figure": figure, "of": of, "value": value[0] if isinstance(value, list) else value}
        for figure, of, value in found
    ]


def _leaves(settings: Settings) -> list[dict[str, Any]]:
    """Return what leaves the device: `what`, whether it is switched on, and to whom where that is set."""
    broker = f"{settings.mqtt.host}:{settings.mqtt.port}"
    source = settings.camera.source
    found: list[dict[str, Any]] = [
        {"what": what, "is_on": settings.mqtt.enabled and is_on, "to": broker}
        for what, is_on in (
            ("results", True),
            ("mqtt_words", settings.publish.transcript),
            ("mqtt_pictures", settings.publish.image),
        )
    ]
    found += [
        {"what": what, "is_on": is_on, "to": None}
        for what, is_on in (
            ("console", True),
            ("console_picture", settings.web.picture),
            ("console_words", settings.web.transcript),
        )
    ]
    if source.partition("://")[0] in NETWORK_SOURCES:
        found.append({"what": "camera", "is_on": True, "to": public_address(source)})
    return found


def _documents(language: Language) -> list[dict[str, str]]:
    """Return name and title of the pages that are on this device."""
    found = []
    for name in DOCUMENTS[language]:
        try:
            text = read_small(package_folder("docs") / f"{name}.md", MOST_BYTES).decode(errors="replace")
        except (OSError, ValueError):
            continue
        title = next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), name)
        found.append({"name": name, "title": title})
    return found


ROUTES: Final = [
    Route("/api/about", show_about),
    Route("/api/about/models/{name}", show_card),
    Route("/api/about/documents/{name:path}", show_document),
]

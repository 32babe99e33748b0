"""Refusals of the API: a code for programs, a reason and a remedy for people in their language."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import JSONResponse

from emoedge.emotions import Language
from emoedge.errors import EmoedgeError
from emoedge.translation import localized

_TEXTS: Final[dict[str, dict[Language, tuple[str, str | None]]]] = {
    "login": {
        "es": ("hace falta iniciar sesión", "abra la dirección con la clave que muestra: emoedge web key"),
        "en": (
            "a login is needed",
            "open the address with the key that this command prints: emoedge web key",
        ),
    },
    "wrong": {
        "es": ("la clave o la contraseña no es correcta", "haga otra clave con: emoedge web key"),
        "en": ("wrong key or password", "make another key with: emoedge web key"),
    },
    "attempts": {
        "es": ("demasiados intentos fallidos", "espere y vuelva a intentarlo"),
        "en": ("too many failed attempts", "wait, then try again"),
    },
    "rate": {
        "es": ("demasiadas peticiones", "espere un momento"),
        "en": ("too many requests", "wait a moment"),
    },
    "host": {
        "es": ("este nombre no es el de este aparato", "añada el nombre a web.hosts"),
        "en": ("this name is not one of this device", "add the name to web.hosts"),
    },
    "origin": {
        "es": ("la petición viene de otra página", None),
        "en": ("the request comes from another page", None),
    },
    "view": {
        "es": ("la clave de consulta solo deja mirar y activar la privacidad", "entre con la clave completa"),
        "en": ("the view key can only look and switch privacy on", "log in with the full key"),
    },
    "large": {
        "es": ("la petición es demasiado grande", None),
        "en": ("the request is too large", None),
    },
    "slow": {
        "es": ("la petición no llegó entera", "vuelva a intentarlo"),
        "en": ("the request did not arrive whole", "try again"),
    },
    "body": {
        "es": ("la petición no es un objeto JSON como el descrito", None),
        "en": ("the request is not a JSON object as described", None),
    },
    "parameter": {
        "es": ("un parámetro no es válido: {name}", None),
        "en": ("a parameter is not valid: {name}", None),
    },
    "missing": {
        "es": ("no existe", None),
        "en": ("there is no such thing", None),
    },
    "method": {
        "es": ("aquí no se puede hacer eso", None),
        "en": ("that cannot be done here", None),
    },
    "range": {
        "es": ("el archivo no tiene esa parte", None),
        "en": ("the file does not have that part", None),
    },
    "changed": {
        "es": ("los ajustes han cambiado entretanto", "vuelva a cargarlos"),
        "en": ("the settings have changed meanwhile", "reload them"),
    },
    "settings": {
        "es": ("los ajustes no son válidos", "corrija los valores señalados"),
        "en": ("the settings are not valid", "correct the values named"),
    },
    "stopped": {
        "es": ("el servicio emoedge no está en marcha", "ejecute: sudo systemctl start emoedge"),
        "en": ("the emoedge service is not running", "run: sudo systemctl start emoedge"),
    },
    "refused": {
        "es": (
            "el servicio emoedge rechaza la conexión",
            "ejecute: sudo systemctl restart emoedge emoedge-web",
        ),
        "en": (
            "the emoedge service refuses the connection",
            "run: sudo systemctl restart emoedge emoedge-web",
        ),
    },
    "privacy": {
        "es": ("la privacidad está activada", "desactívela para ver la imagen"),
        "en": ("privacy is on", "switch it off to see the picture"),
    },
    "picture": {
        "es": ("la imagen en directo está desactivada", "active web.picture"),
        "en": ("the live picture is switched off", "switch on web.picture"),
    },
    "unasked": {
        "es": ("nadie ha pedido la imagen", "pídala con POST /api/picture"),
        "en": ("nobody has asked for the picture", "ask for it with POST /api/picture"),
    },
    "viewers": {
        "es": ("ya hay cuatro que miran la imagen", "espere a que alguien deje de mirar"),
        "en": ("four are watching the picture already", "wait until somebody stops watching"),
    },
    "failed": {
        "es": ("no se pudo hacer: {what}", None),
        "en": ("it could not be done: {what}", None),
    },
    "internal": {
        "es": ("error inesperado en la consola", "mire: journalctl -u emoedge-web -n 50"),
        "en": ("unexpected error in the console", "see: journalctl -u emoedge-web -n 50"),
    },
}
"""Code -> reason and remedy. Spanish addresses the reader as the rest of the program does."""


class ApiError(EmoedgeError):
    """A refusal with its HTTP status.

    Args:
        status: of HTTP.
        code: for programs; one of `_TEXTS`.
        headers: further headers, such as Retry-After.
        fields: put into the text.
    """

    def __init__(self, status: int, code: str, headers: dict[str, str] | None = None, **fields: str) -> None:
        super().__init__(_TEXTS[code]["en"][0].format(**fields), _TEXTS[code]["en"][1] or "")
        self.status = status
        self.code = code
        self.headers = headers
        self.fields = fields

    def body(self, language: Language) -> dict[str, Any]:
        """The JSON object."""
        reason, remedy = _TEXTS[self.code][language]
        return {"error": self.code, "reason": reason.format(**self.fields), "remedy": remedy}


class WordedError(ApiError):
    """A refusal whose reason comes from the library or from the daemon.

    Args:
        status: of HTTP.
        code: for programs.
        reason: in words.
        remedy: what to do, or None.
    """

    def __init__(self, status: int, code: str, reason: str, remedy: str | None) -> None:
        super().__init__(status, "failed", what=reason)
        self.code, self._reason, self._remedy = code, reason, remedy

    def body(self, language: Language) -> dict[str, Any]:
        """The JSON object; the words are the library's."""
        reason, remedy = localized(self._reason, language), localized(self._remedy, language)
        return {"error": self.code, "reason": reason, "remedy": remedy}


def answer(error: ApiError, language: Language) -> JSONResponse:
    """The response to a refusal."""
    return JSONResponse(error.body(language), status_code=error.status, headers=error.headers)


def language_of(accepted: str, default: Language) -> Language:
    """The first of Spanish and English in an `Accept-Language` by its weights, else the default."""
    best: tuple[float, Language] = (0.0, default)
    for part in accepted[:500].split(","):
        tag, _, weight = part.partition(";")
        name = tag.strip().lower().partition("-")[0]
        try:
            value = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if name == "es" and value > best[0]:
            best = (value, "es")
        elif name == "en" and value > best[0]:
            best = (value, "en")
    return best[1]

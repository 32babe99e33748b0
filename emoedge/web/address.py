"""Addresses under which people reach the console."""

from __future__ import annotations

import socket

from emoedge.config.web_settings import WebSettings


def address_of(web: WebSettings) -> str:
    """The address to open in a browser, with a slash at its end.

    `web.url` where it is set; else this machine's name where it listens for more than itself; the loopback
    address otherwise, which a tunnel reaches from elsewhere.
    """
    if (public := web.public_url) is not None:
        return public
    if web.socket_path:
        return "http://localhost/"
    host = f"[{web.host}]" if ":" in web.host else web.host
    return f"{'https' if web.tls_certificate else 'http'}://{host}:{web.port}/"


def tunnel_command(web: WebSettings) -> str:
    """The command with which another computer reaches a console that listens for this machine alone."""
    return f"ssh -L {web.port}:127.0.0.1:{web.port} pi@{socket.gethostname()}"

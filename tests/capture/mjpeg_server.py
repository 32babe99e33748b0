"""A camera that speaks HTTP or HTTPS: MJPEG behind a login, real sockets, real certificates."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np


@dataclass
class MjpegServer:
    """What the camera asks for, and what it was asked.

    Attributes:
        login: user name and password, or "" for none.
        redirect: where every request is sent, or "" for the picture.
        port: of the server.
        requests: the `Authorization` of each request, "" where there was none.
    """

    login: str = ""
    redirect: str = ""
    port: int = 0
    requests: list[str] = field(default_factory=list)


@contextmanager
def mjpeg_camera(
    login: str = "", redirect: str = "", context: ssl.SSLContext | None = None
) -> Iterator[MjpegServer]:
    """A camera on the loopback interface that sends a red picture of 320 x 240, 20 times a second."""
    state = MjpegServer(login, redirect)
    picture = cv2.imencode(".jpg", np.full((240, 320, 3), (0, 0, 254), np.uint8))[1].tobytes()
    part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (
        len(picture),
        picture,
    )
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization", "")
            state.requests.append(given)
            if state.redirect:
                self.send_response(302)
                self.send_header("Location", state.redirect)
                self.end_headers()
            elif state.login and given != "Basic " + base64.b64encode(state.login.encode()).decode():
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    while not ended.wait(0.05):
                        self.wfile.write(part)
                except OSError:
                    pass

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        # The handshake belongs to the thread of the connection: one that is given up must not block the next.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()

"""Network camera behind TLS and a login, as a separate program that repeats one picture.

`python -m faults.secure_camera PORT CERTIFICATE KEY PICTURE HEARD` appends each `Authorization` to HEARD.
"""

from __future__ import annotations

import ssl
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

INTERVAL_S: Final = 0.1
"""Seconds between two pictures."""


def main(arguments: list[str]) -> None:
    """Serve until the process is killed."""
    port, certificate, key, picture, heard = arguments
    image = Path(picture).read_bytes()
    part = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n".encode() + image

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization", "")
            with Path(heard).open("a", encoding="utf-8") as file:
                file.write(f"{given}\n")
            if not given:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(part + b"\r\n")
                    time.sleep(INTERVAL_S)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # The handshake runs in the thread of the connection, so that a failed one does not end the server.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])

"""Certificates made with openssl for an authority, servers and clients."""

from __future__ import annotations

import subprocess
from pathlib import Path

from faults.surroundings import program

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


class Authority:
    """Certificate authority in a folder, with the certificates and keys that it signs.

    Args:
        folder: folder for `<name>.crt` and `<name>.key`.
        name: name of the authority.
    """

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self.name = name
        self._openssl(
            *("req", "-x509", *KEY, "-nodes", "-days", "36500", "-subj", f"/CN={name}"),
            *("-keyout", f"{name}.key", "-out", f"{name}.crt"),
        )

    @property
    def certificate(self) -> Path:
        """Certificate of the authority."""
        return self.folder / f"{self.name}.crt"

    def sign(
        self, name: str, *, address: str = "127.0.0.1", begin: str = "", end: str = "", password: str = ""
    ) -> tuple[Path, Path]:
        """Return certificate and key; `begin` and `end` are YYYYMMDDHHMMSSZ (today and tomorrow)."""
        secret = ("-passout", f"pass:{password}") if password else ("-nodes",)
        self._openssl(
            *("req", *KEY, *secret, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        )
        (self.folder / f"{name}.ext").write_text(f"subjectAltName=IP:{address}\n")
        if not begin:
            self._openssl(
                *(
                    "x509",
                    "-req",
                    "-in",
                    f"{name}.csr",
                    "-CA",
                    f"{self.name}.crt",
                    "-CAkey",
                    f"{self.name}.key",
                ),
                *("-CAcreateserial", "-days", "1", "-extfile", f"{name}.ext", "-out", f"{name}.crt"),
            )
        else:
            self._sign_for(name, begin, end)
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def _sign_for(self, name: str, begin: str, end: str) -> None:
        """Sign with `openssl ca`, the only command that takes dates in every version."""
        (self.folder / "index.txt").write_text("")
        (self.folder / "serial").write_text("01\n")
        (self.folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\n"
            "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
        )
        self._openssl(
            *(
                "ca",
                "-batch",
                "-config",
                "ca.cnf",
                "-cert",
                f"{self.name}.crt",
                "-keyfile",
                f"{self.name}.key",
            ),
            *("-startdate", begin, "-enddate", end, "-extfile", f"{name}.ext"),
            *("-in", f"{name}.csr", "-out", f"{name}.crt", "-notext"),
        )

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(
            [program("openssl", "openssl"), *arguments], check=True, capture_output=True, cwd=self.folder
        )

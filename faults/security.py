"""Faults of security: open sockets, leaked secrets, impostors."""

from __future__ import annotations

import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from faults.bench import REPOSITORY, START_S, Bench
from faults.certificates import Authority
from faults.fault import fault
from faults.surroundings import (
    Listener,
    faked_clock,
    file_sizes,
    free_port,
    holds,
    listens,
    open_files,
    program,
    until,
)

SECRET: Final = "s3cr3t-0f-th3-br0k3r"  # noqa: S105 - the one that is looked for everywhere
CAMERA_SECRET: Final = "s3cr3t-0f-th3-c4m3r4"  # noqa: S105
PORTRAIT: Final = REPOSITORY / "emoedge" / "data" / "demo" / "portrait.jpg"
USER: Final = "somebody"
LISTEN: Final = "0A"  # TCP_LISTEN in /proc/net/tcp
ACCEPTS: Final = 0x10000  # __SO_ACCEPTCON in /proc/net/unix
OTHERS: Final = stat.S_IROTH | stat.S_IWOTH
CLOCK_S: Final = 5.0
REFUSED_S: Final = 60.0
PERSISTENT_S: Final = 90.0
"""Seconds; an untrusted broker is retried once a minute."""


@fault(quick=True)
def nothing_listens(bench: Bench) -> None:
    """Everything works, a recording runs, and all listening sockets are listed.

    The daemon listens on no TCP or UDP socket, and its only connection is the one to the broker. It listens
    on one Unix socket, which other users cannot access by its folder and mode.
    """
    bench.start_all()
    bench.command("record", "ON")
    until(lambda: bench.payloads("recording"), "a recording runs", START_S)
    holds(not _waiting_sockets(bench.pid), f"listening sockets: {_waiting_sockets(bench.pid)}")
    peers = _peers(bench.pid)
    holds(peers == {bench.broker.port}, f"connections to the ports {sorted(peers)}")
    place = bench.runtime / "daemon.sock"
    holds(_unix_listeners(bench.pid) == [str(place)], f"Unix sockets: {_unix_listeners(bench.pid)}")
    mode = place.stat().st_mode & 0o777
    holds(mode in (0o600, 0o660), f"the socket has the mode {mode:o}")


def _tls_broker(bench: Bench, *more: str) -> dict[str, object]:
    """Start a broker with TLS; return the settings for it."""
    authority = Authority(bench.folder)
    certificate, key = authority.sign("broker")
    lines = f"cafile {authority.certificate}", f"certfile {certificate}", f"keyfile {key}"
    port = free_port()
    plain = bench.broker.access  # for the listener
    bench.broker.access = "\n".join((plain, f"listener {port} 127.0.0.1", plain, *lines, *more))
    return {"mqtt__port": port, "mqtt__tls": "true", "mqtt__ca_file": authority.certificate}


@fault()
def broker_asks_for_a_client_certificate(bench: Bench) -> float:
    """The broker requires a client certificate: first there is none, then one with an encrypted key.

    The log names the alert and the keys to set. With the certificate, and the password from a file, the
    daemon connects.
    """
    settings = _tls_broker(bench, "require_certificate true")
    bench.start_broker()
    bench.start(**settings)
    until(lambda: "certificate required" in bench.log_text(), "the alert is named", START_S)
    holds("set mqtt.cert_file and mqtt.key_file" in bench.log_text(), "the log names the remedy")
    bench.terminate()
    certificate, key = Authority(bench.folder, "clients").sign("client", password=SECRET)
    (bench.folder / "password").write_text(SECRET, encoding="ascii")
    bench.broker.kill()
    bench.broker.access = bench.broker.access.replace("/ca.crt", "/clients.crt")
    bench.start_broker()
    bench.start(
        mqtt__cert_file=certificate,
        mqtt__key_file=key,
        EMOEDGE_MQTT__KEY_PASSWORD_FILE=bench.folder / "password",
        **settings,
    )
    took_s = until(lambda: bench.last("status") == b"online", "the daemon is connected", START_S)
    holds(SECRET not in bench.log_text(), "the password is not in the log")
    return took_s


@fault()
def board_without_a_clock(bench: Bench) -> float:
    """The clock shows the year 2000 (libfaketime) and the broker's certificate is new; then the clock is set.

    The log names the wrong clock and no other remedy. Within 5 s after the clock is set, the daemon is
    connected.
    """
    settings = _tls_broker(bench)
    clock = faked_clock(bench.folder, "@2000-01-01 00:00:00")
    bench.start_broker()
    bench.start(**settings, **clock)
    until(lambda: "certificate is not yet valid" in bench.log_text(), "the certificate is refused", START_S)
    until(lambda: "the clock is wrong: it shows 2000-01-01" in bench.log_text(), "the clock is named")
    holds("check mqtt.ca_file" not in bench.log_text(), "no wrong remedy")
    (bench.folder / "offset").write_text("+0s", encoding="ascii")
    took_s = until(lambda: bench.last("status") == b"online", "the daemon is connected", PERSISTENT_S)
    bench.within(took_s, CLOCK_S, f"that took {took_s:.1f} s")
    return took_s


@fault()
def secrets_stay_secret(bench: Bench) -> None:
    """Passwords of broker and camera are configured, a recording is made, and the process crashes.

    No password is in the log, the command line, MQTT, a crash report or any file. Other users cannot read a
    file with a secret or a recording.
    """
    password = bench.folder / "password"
    password.write_text(f"{SECRET}\n", encoding="ascii")
    password.chmod(0o600)
    _passwords(bench, SECRET)
    bench.broker.start()
    bench._listener = Listener(bench.broker.port, (USER, SECRET))  # noqa: SLF001 - one that may log in
    bench.options = ("--log-level", "debug")
    bench.start(
        mqtt__username=USER,
        EMOEDGE_MQTT__PASSWORD_FILE=password,
        # Nothing listens there: every attempt fails and is logged.
        camera__source=f"rtsp://admin:{CAMERA_SECRET}@127.0.0.1:{free_port()}/live?token={CAMERA_SECRET}",
    )
    bench.wait_working("voice", "text")
    until(lambda: bench.state_of("camera") == "failed", "the camera is reported as failed", START_S)
    bench.command("record", "3")
    until(bench.segments, "a recording is finished", START_S)
    command_line = Path(f"/proc/{bench.pid}/cmdline").read_bytes()
    bench.process.send_signal(signal.SIGABRT)  # the signal of a crash in a library
    bench.process.wait(20)
    places = {
        "the log": bench.log_text().encode(),
        "the command line": command_line,
        "MQTT": b"\n".join(one.topic.encode() + b" " + one.payload for one in list(bench.listener.heard)),
    } | {str(path): path.read_bytes() for path in _files(bench) if path.name not in ("password", "passwords")}
    for place, content in places.items():
        for secret in (SECRET, CAMERA_SECRET):
            holds(secret.encode() not in content, f"a secret is in {place}")
    for path in [password, *_files(bench, bench.state), *_files(bench, bench.recordings)]:
        holds(not path.stat().st_mode & OTHERS, f"{path} can be read by others")


@fault()
def camera_with_a_wrong_certificate(bench: Bench) -> float:
    """An impostor with another authority's certificate answers for an `https://` camera, then the camera.

    User and password are never sent to it. The camera is failed and the fingerprint is named; the voice
    continues. With the right certificate the camera recovers automatically.
    """
    port, heard = free_port(), bench.folder / "heard"
    authority, other = Authority(bench.folder), Authority(bench.folder, "other")
    impostor = _secure_camera(bench, port, other.sign("impostor"), heard)
    bench.start_broker()
    bench.start(
        camera__source=f"https://127.0.0.1:{port}/cam.mjpg",
        camera__ca_file=authority.certificate,
        camera__username=USER,
        camera__password=CAMERA_SECRET,
    )
    until(
        lambda: "its SHA-256 is" in str(bench.part("camera").get("reason", "")),
        "the fingerprint is named",
        START_S,
    )
    bench.wait_working("voice")
    holds(bench.state_of("camera") == "failed", "the camera is failed")
    holds(not heard.exists(), "the impostor received no request")
    impostor.kill()
    impostor.wait(10)
    _secure_camera(bench, port, authority.sign("camera"), heard)
    took_s = until(lambda: bench.figure("face", "processed") > 0, "the camera recovers", START_S)
    holds("Basic" in heard.read_text(encoding="utf-8"), "it received user and password")
    return took_s


def _secure_camera(
    bench: Bench, port: int, signed: tuple[Path, Path], heard: Path
) -> subprocess.Popen[bytes]:
    server = bench.spawn(
        sys.executable, "-m", "faults.secure_camera", str(port), *map(str, signed), str(PORTRAIT), str(heard)
    )
    until(lambda: listens(port), "the camera listens")
    return server


@fault()
def broker_with_a_wrong_certificate(bench: Bench) -> float:
    """An impostor with another authority's certificate answers for the broker, then the broker.

    The password is never sent to it, the log names the fault, and messages wait in the spool. With the right
    certificate all of them arrive.
    """
    _certificates(bench.folder)
    _passwords(bench, SECRET)
    plain = bench.broker.access
    bench.broker.access = plain + _tls(bench.folder, "stranger")
    bench.broker.start()
    bench.start(
        mqtt__tls="true",
        mqtt__ca_file=bench.folder / "ours.crt",
        mqtt__username=USER,
        mqtt__password=SECRET,
    )
    until(lambda: "no trusted TLS connection" in bench.log_text(), "the log names the fault", START_S)
    until(lambda: len(bench.spooled()) >= 3, "messages wait on the disk", REFUSED_S)
    holds("as emoedge-" not in bench.broker.log(), "nothing was sent to the impostor")
    waiting = bench.spooled()
    bench.broker.kill()
    bench.broker.access = plain + _tls(bench.folder, "broker")
    bench.broker.start()
    begun_s = time.monotonic()
    until(lambda: "as emoedge-" in bench.broker.log(), "the daemon is connected", PERSISTENT_S)
    until(lambda: not _still(bench, waiting), "all that waited has arrived")
    bench.check_alive()
    return time.monotonic() - begun_s


def _still(bench: Bench, waiting: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return the messages that are still on disk; acknowledged ones are deleted."""
    left = set(bench.spooled())
    return [message for message in waiting if message in left]


def _waiting_sockets(pid: int) -> list[str]:
    """Return the local addresses of listening TCP sockets and bound UDP sockets of a process."""
    mine = _inodes(pid)
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for row in _rows(pid, table):
            udp_unconnected = table.startswith("udp") and row[2].split(":")[1] == "0000"
            if row[9] in mine and (row[3] == LISTEN or udp_unconnected):
                found.append(f"{table} {row[1]}")
    return found


def _unix_listeners(pid: int) -> list[str]:
    """Return the paths of the Unix sockets on which a process listens, see proc_net_unix(5)."""
    mine = _inodes(pid)
    rows = _rows(pid, "unix")
    return [row[7] if len(row) > 7 else "" for row in rows if row[6] in mine and int(row[3], 16) & ACCEPTS]


def _peers(pid: int) -> set[int]:
    """Return the ports that a process is connected to, except for connections to itself."""
    mine = _inodes(pid)
    rows = [row for table in ("tcp", "tcp6", "udp", "udp6") for row in _rows(pid, table) if row[9] in mine]
    own = {row[1] for row in rows}
    return {int(row[2].split(":")[1], 16) for row in rows if row[2] not in own and row[3] != LISTEN}


def _rows(pid: int, table: str) -> list[list[str]]:
    path = Path(f"/proc/{pid}/net/{table}")
    if not path.exists():
        return []
    return [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[1:]]


def _inodes(pid: int) -> set[str]:
    return {found.group(1) for name in open_files(pid) if (found := re.fullmatch(r"socket:\[(\d+)\]", name))}


def _files(bench: Bench, folder: Path | None = None) -> list[Path]:
    # The log of the bench itself is checked separately.
    return [path for path in file_sizes(folder or bench.folder) if path != bench.log]


def _passwords(bench: Bench, secret: str) -> None:
    passwords = bench.folder / "passwords"
    passwords.write_text(f"{USER}:{secret}\n", encoding="ascii")
    subprocess.run([program("mosquitto_passwd", "mosquitto"), "-U", str(passwords)], check=True)
    bench.broker.access = f"allow_anonymous false\npassword_file {passwords}\n"


def _tls(folder: Path, name: str) -> str:
    return f"certfile {folder / name}.crt\nkeyfile {folder / name}.key\n"


def _certificates(folder: Path) -> None:
    """Create two authorities, each with a certificate for this machine; the daemon trusts the first."""
    openssl = program("openssl", "openssl")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], check=True, capture_output=True, cwd=folder)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n", encoding="ascii")
    for authority, name in (("ours", "broker"), ("another", "stranger")):
        run("req", "-x509", *key, "-days", "2", "-subj", f"/CN={authority}",
            "-keyout", f"{authority}.key", "-out", f"{authority}.crt")  # fmt: skip
        run("req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
            "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{name}.crt")  # fmt: skip

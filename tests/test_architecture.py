"""The rooms of the package import in one direction, and each act has one home.

The graph counts imports inside functions; imports for the type checker alone (`TYPE_CHECKING`) are left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

ROOMS = (
    "ground",
    "config",
    "local_socket",
    "inference",
    "model_store",
    "provenance",
    "capture",
    "vad",
    "face",
    "voice",
    "text",
    "speech",
    "fusion",
    "publish",
    "record",
    "history",
    "pipeline",
    "supervise",
    "report",
    "watch",
    "batch",
    "evaluation",
    "service",
    "demo",
    "bench",
    "doctor",
    "web",
    "cli",
)
"""From the ground up: a room imports from those before it."""
GROUND = frozenset(
    [
        "background_write",
        "backoff",
        "changelog",
        "characters",
        "circumplex",
        "clock",
        "config_files",
        "days",
        "drawing",
        "emotions",
        "errors",
        "files",
        "frames",
        "health",
        "high_pass",
        "latency",
        "local_time",
        "logs",
        "observations",
        "outcomes",
        "package_files",
        "process",
        "rate_limit",
        "reasons",
        "redact",
        "sqlite_damage",
        "tls_context",
        "translation",
        "text_encoding",
        "version",
        "worker_thread",
    ]
)
STRANGERS = (("face", "voice", "text", "speech", "fusion"), ("publish", "record", "pipeline"))
"""Rooms that do not know each other."""


def modules(package: str) -> dict[str, Path]:
    """Dotted name -> file."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from run_time_nodes(node)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(tree_of(path)))


@cache
def graph(package: str) -> dict[str, set[str]]:
    """Module -> the modules of the package that it imports."""
    known = modules(package)
    edges: dict[str, set[str]] = {}
    for name, path in known.items():
        targets = edges[name] = set()
        for node in run_time_nodes(tree_of(path)):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names if alias.name in known}
            elif isinstance(node, ast.ImportFrom) and node.module in known:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    targets.add(inner if inner in known else node.module)
        targets.discard(name)
    return edges


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of more than one module (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(edges[node]):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def room_of(module: str) -> str:
    part = module.split(".")[1] if "." in module else "emoedge"
    return "ground" if part in GROUND else part


@pytest.mark.parametrize("package", ["emoedge", "faults", "training", "benchmarks"])
def test_no_circle_of_files(package: str) -> None:
    assert circles(graph(package)) == []


def test_every_file_has_a_room() -> None:
    rooms = {room_of(module) for module in modules("emoedge")} - {"emoedge", "__main__"}
    assert rooms == set(ROOMS)


def test_rooms_import_from_those_above_them_only() -> None:
    order = {room: place for place, room in enumerate(ROOMS)}
    upward = [
        f"{module} -> {target}"
        for module, targets in graph("emoedge").items()
        for target in targets
        if room_of(module) in order and order[room_of(module)] < order.get(room_of(target), -1)
    ]
    assert upward == []


@pytest.mark.parametrize("rooms", STRANGERS, ids=" ".join)
def test_rooms_that_do_not_know_each_other(rooms: tuple[str, ...]) -> None:
    known = [
        f"{module} -> {target}"
        for module, targets in graph("emoedge").items()
        for target in targets
        if room_of(module) in rooms and room_of(target) in rooms and room_of(module) != room_of(target)
    ]
    assert known == []


def test_the_package_itself_is_imported_by_no_file_of_it() -> None:
    assert [module for module, targets in graph("emoedge").items() if "emoedge" in targets] == []


def test_the_command_line_is_imported_by_main_only() -> None:
    outside = [
        f"{module} -> {target}"
        for module, targets in graph("emoedge").items()
        for target in targets
        if room_of(target) == "cli" and room_of(module) != "cli"
    ]
    assert outside == ["emoedge.__main__ -> emoedge.cli"]


# ---- one home for each thing ----


LAZY_PACKAGES = [
    ".".join(path.parent.relative_to(ROOT).parts)
    for path in sorted((ROOT / "emoedge").rglob("__init__.py"))
    if "def __getattr__" in path.read_text("utf-8")
]


@pytest.mark.parametrize("package", LAZY_PACKAGES)
def test_names_imported_on_first_use_are_no_names_of_modules(package: str) -> None:
    """Importing a module sets its name in the package, in place of what a name stands for there."""
    folder = ROOT / Path(*package.split("."))
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert set(import_module(package).__all__) & modules == set()


def test_no_class_name_twice() -> None:
    homes: dict[str, list[str]] = {}
    for module, path in modules("emoedge").items():
        for node in nodes_of(path):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(module)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def calls(*packages: str) -> Iterator[tuple[str, ast.Call]]:
    for package in packages:
        for module, path in modules(package).items():
            for node in nodes_of(path):
                if isinstance(node, ast.Call):
                    yield module, node


def attribute(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def dotted(call: ast.Call) -> str:
    """`os.replace` of `os.replace(…)`; only the last name of longer expressions."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return f"{owner.id}.{attribute(call)}" if isinstance(owner, ast.Name) else attribute(call)


def test_no_two_neighbours_differ_by_a_plural() -> None:
    """Nobody remembers which of `page.py` and `pages.py` it was."""
    files = {path.with_suffix("") for path in modules("emoedge").values()}
    assert [str(path) for path in files if path.with_name(f"{path.name}s") in files] == []


def test_one_place_syncs_and_renames() -> None:
    homes = {
        module
        for module, call in calls("emoedge")
        if attribute(call) in ("fsync", "fdatasync")
        or (attribute(call) == "replace" and len(call.args) == 1 and not isinstance(call.args[0], ast.Dict))
        or dotted(call) in ("os.replace", "os.rename", "shutil.move")
    }
    assert homes == {"emoedge.files"}


def test_one_function_hashes_a_file() -> None:
    """Others hash what is in memory: a script, a name, a set of settings."""
    homes = {
        module
        for module, call in calls("emoedge", "faults", "benchmarks", "training")
        if dotted(call) == "hashlib.file_digest"
        or (attribute(call) in ("sha256", "update", "md5", "sha1") and "read_bytes" in ast.unparse(call))
    } | {
        module
        for module, path in modules("emoedge").items()
        for node in nodes_of(path)
        if isinstance(node, ast.While)
        and "update" in ast.unparse(node)
        and ".read(" in ast.unparse(node.test)
    }
    assert homes == {"emoedge.files"}


def test_one_reader_and_one_writer_of_json_files() -> None:
    homes = {
        module
        for module, call in calls("emoedge")
        if dotted(call) in ("json.load", "json.dump")
        or (attribute(call) == "loads" and ".read" in ast.unparse(call))
        or (attribute(call) in ("write_text", "write_bytes") and "json.dumps" in ast.unparse(call))
    }
    assert homes <= {"emoedge.files", "emoedge.bench.whole"}, "whole.py reads its job from standard input"


def test_one_back_off() -> None:
    """A wait that grows by a power or by doubling itself is `emoedge.backoff`'s."""
    homes = {
        module
        for module, path in modules("emoedge").items()
        for node in nodes_of(path)
        if _grows_a_wait(node)
    }
    assert homes == {"emoedge.backoff"}


def _grows_a_wait(node: ast.AST) -> bool:
    if not isinstance(node, ast.BinOp | ast.Assign | ast.AugAssign):
        return False
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Pow):
        return False
    text = ast.unparse(node)
    waits = any(word in text for word in ("retry", "delay", "backoff", "wait_s", "failures", "attempt"))
    if isinstance(node, ast.BinOp):
        return waits
    return waits and ("2 *" in text or "* 2" in text or "*= 2" in text)


def test_proc_is_read_in_one_place() -> None:
    """Memory, threads and times of a process; the machine's own figures and ALSA's list are other files."""
    homes = {
        module
        for module, path in modules("emoedge").items()
        for node in nodes_of(path)
        if isinstance(node, ast.Constant) and node.value in ("VmRSS", "VmHWM", "statm", "/proc/self/status")
    }
    assert homes == {"emoedge.process"}


@pytest.mark.parametrize("package", ["emoedge", "faults"])
def test_names_of_files_are_not_repeated_as_literals(package: str) -> None:
    names = {
        "face_detector.tflite",
        "face_emotion.tflite",
        "voice_emotion.tflite",
        "text_emotion",
        "fusion.json",
    }
    homes = {
        module
        for module, path in modules(package).items()
        for node in nodes_of(path)
        if isinstance(node, ast.Constant) and node.value in names
    }
    assert homes <= {"emoedge.model_store.manifest"}


def test_threads_are_started_in_one_place() -> None:
    """A thread that hangs or dies must be seen: `emoedge.worker_thread` has a heartbeat, others have none."""
    homes = {module for module, call in calls("emoedge") if dotted(call) in ("threading.Thread", "Thread")}
    assert homes == {"emoedge.worker_thread"}


def test_the_page_names_files_that_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page[page.index("## Where is …?") : page.index("## Times")]
    named, folder = [], Path()
    for name in re.findall(r"`([\w./]+\.py|(?:emoedge|training|tests|containers)/[\w./]*)`", table):
        path = Path(name) if "/" in name else folder / name  # as "`emoedge/vad/stage.py`, `detector.py`"
        folder = path.parent
        named.append(path)
    assert len(named) > 100
    assert [str(path) for path in named if not (ROOT / path).exists()] == []
    for act in (
        "atomic write",
        "back-off",
        "frame queue",
        "speech activity",
        "episodes",
        "spool",
        "last will",
    ):
        assert act in table

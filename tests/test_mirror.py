"""Every module that decides something has a test at its path, or is named here with the test that drives it.

`emoedge/a/b.py` is tested by `tests/a/test_b.py`. Modules without a branch need none: constants, protocols,
values.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.test_architecture import ROOT, modules, nodes_of

BRANCHES = (
    ast.If, ast.IfExp, ast.For, ast.While, ast.BoolOp, ast.comprehension, ast.Try, ast.Compare, ast.Match,
)  # fmt: skip

DRIVEN_BY = {
    # What takes part as a whole: processes, devices, disks, brokers.
    "batch/test_run.py": "batch.workers",
    "bench/test_suite.py": "bench.stages bench.whole",
    "bench/test_tally.py": "bench.bare",
    "capture/test_capture_threads.py": "capture.device_thread capture.source",
    "capture/test_clip_source.py": "capture.factory",
    "capture/test_media.py": "capture.container capture.resample",
    "capture/test_microphone.py": "capture.portaudio",
    "capture/test_snapshot_address.py": "capture.address",
    "doctor/test_checks.py": "doctor.console",
    "end_to_end/test_daemon.py": "supervise.assembly supervise.stages",
    "face/test_stage.py": "face.places",
    "history/test_buckets.py": "history.reader",
    "history/test_database.py": "history.purge history.tables",
    "history/test_text_table.py": "history.data",
    "local_socket/test_server.py": "local_socket.client",
    "pipeline/test_pipeline.py": "pipeline.perception",
    "publish/test_announcer.py": "publish.announced_store",
    "publish/test_homeassistant.py": "publish.homeassistant_components",
    "publish/test_publisher.py": "publish.connection publish.worker_input",
    "publish/test_session.py": "publish.client",
    "publish/test_spool.py": "publish.spool_entry",
    "record/test_encoders.py": "capture.v4l2_node",
    "record/test_mux.py": "record.remux",
    "record/test_recorder.py": "record.housekeeping record.overlay record.segment record.segment_factory",
    "record/test_recover.py": "record.finish",
    "record/test_store.py": "record.segment_files",
    "supervise/test_socket_service.py": (
        "supervise.device supervise.device_recordings supervise.forget supervise.recording_requests"
    ),
    "voice/test_features.py": "voice.prosody voice.timbre",
    # Pages and pictures, read back as browsers and viewers read them.
    "report/test_chart.py": "report.canvas",
    "report/test_damaged.py": "report.source",
    "report/test_day.py": "report.day_source report.day_view",
    "report/test_exports.py": "report.picture",
    # Settings, by the files and variables that they are read from.
    "config/test_load.py": "config.fusion_settings config.perception_settings config.section config.settings",
    "config/test_reference.py": "config.schema",
    "docs/test_many_devices.py": "config_files",
    "web/test_settings_api.py": "config.console_file",
    # The command line, started as a program.
    "bench/test_compare.py": "cli.bench",
    "cli/test_cli.py": "cli.options cli.replay",
    "cli/test_lists.py": "cli.devices",
    "cli/test_media.py": "cli.transcribe pipeline.classify pipeline.transcripts",
    "demo/test_run.py": "cli.demo pipeline.realtime",
    "doctor/test_support.py": "cli.doctor cli.support",
    "evaluation/test_folder.py": "cli.evaluate",
    "report/test_annotation.py": "cli.annotate",
    "report/test_page.py": "cli.report",
    "service/test_systemd.py": "cli.service package_files",
    "supervise/test_daemon.py": "cli.run",
    "scripts/test_release.py": "version",
    # The console, over HTTP.
    "web/test_app.py": "cli.web web.context web.run",
    "web/test_attacks.py": "web.body web.errors web.guard web.login_api",
    "web/test_live.py": "web.commands_api web.control_keys web.daemon_link web.live_api",
    "web/test_recordings_api.py": "web.summaries",
    "web/test_browser_setup.py": "web.picture_api",
}
"""Test -> the modules below `emoedge` that it drives as parts of something larger."""


def path_of_test(module: str) -> Path:
    *rooms, name = module.removeprefix("emoedge.").split(".")
    return Path(*rooms, f"test_{name}.py")


def without_test() -> set[str]:
    """Modules with a branch and no test at their path, below `emoedge`."""
    found = set()
    for module, path in modules("emoedge").items():
        if path.name in ("__init__.py", "__main__.py") or (ROOT / "tests" / path_of_test(module)).exists():
            continue
        functions = (
            node for node in nodes_of(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        if any(isinstance(node, BRANCHES) for function in functions for node in ast.walk(function)):
            found.add(module.removeprefix("emoedge."))
    return found


def test_every_module_that_decides_has_a_test() -> None:
    named = [module for driven in DRIVEN_BY.values() for module in driven.split()]
    assert len(named) == len(set(named)), "a module is named once"
    assert without_test() - set(named) == set(), "write tests/…/test_….py, or name the test that drives it"
    assert set(named) - without_test() == set(), "has a test of its own, or is gone: take it off the list"


@pytest.mark.parametrize("test", DRIVEN_BY)
def test_what_drives_a_module_is_there(test: str) -> None:
    assert (ROOT / "tests" / test).exists()

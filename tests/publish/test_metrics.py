"""The text file for Prometheus: names, values, who may read it, and what stays in it."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.emotions import EMOTIONS
from emoedge.errors import ConfigError
from emoedge.outcomes import HealthReport
from emoedge.publish.metrics import METRICS, WRITE_EVERY_S, Metrics, MetricsFile
from emoedge.publish.payloads import SummaryPayload
from emoedge.supervise.assembly import assemble
from emoedge.supervise.daemon import Daemon

from .samples import BEGIN, HEALTH, NOBODY, STATE, SUMMARY, builder, every_message

INTEGRATIONS = Path(__file__).resolve().parents[2] / "docs" / "integrations"
SAMPLE = re.compile(r'^(\w+)\{((?:\w+="(?:[^"\\\n]|\\.)*",?)+)\} (-?[\d.]+(?:e[+-]?\d+)?)$')
NAMES = {metric.name for metric in METRICS}


def samples(text: str) -> dict[tuple[str, str], float]:
    """Name and labels without the device -> value; every line must be one of the format."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            kind, name = line.split()[1:3]
            assert kind in ("HELP", "TYPE")
            assert name in NAMES
            continue
        match = SAMPLE.match(line)
        assert match, line
        labels = re.sub(r'^device="[^"]*",?', "", match[2])
        found[match[1], labels] = float(match[3])
    return found


def after(*outcomes) -> dict[tuple[str, str], float]:
    metrics = Metrics("salón")
    for outcome in outcomes:
        metrics.take(builder().outcome(outcome))
    return samples(metrics.text())


def test_everything_that_is_known():
    found = after(STATE, SUMMARY, BEGIN, HealthReport(30.0, 29.5, HEALTH))
    assert {name for name, _ in found} == NAMES
    assert found["emoedge_emotion", 'emotion="happiness"'] == 1
    assert sum(value for (name, _), value in found.items() if name == "emoedge_emotion") == 1
    assert found["emoedge_confidence_ratio", ""] == 0.56
    assert found["emoedge_people", ""] == 2
    assert found["emoedge_episodes_total", 'emotion="happiness"'] == 1
    assert found["emoedge_part_state", 'part="text",state="failed"'] == 1
    assert found["emoedge_part_figure", 'part="camera",figure="fps"'] == 14.98
    assert found["emoedge_uptime_seconds", ""] == 29.5


def test_without_an_opinion_there_are_no_values():
    found = after(SUMMARY, NOBODY)
    names = {name for name, _ in found}
    assert "emoedge_confidence_ratio" not in names
    assert "emoedge_probability_ratio" not in names
    assert all(found["emoedge_emotion", f'emotion="{one}"'] == 0 for one in EMOTIONS)


def test_under_privacy_nothing_tells_of_people():
    found = after(STATE, SUMMARY, replace(NOBODY, reason="privacy"))
    assert found["emoedge_privacy", ""] == 1
    assert not {"emoedge_people", "emoedge_present", "emoedge_speaking"} & {name for name, _ in found}


def test_time_counts_for_what_was_named_and_no_longer_than_messages_come():
    states = [replace(STATE, time_s=t, since_s=t) for t in (0.0, 4.0, 1000.0)]
    found = after(*states, replace(NOBODY, time_s=1002.0), replace(NOBODY, time_s=1010.0))
    assert found["emoedge_emotion_seconds_total", 'emotion="happiness"'] == 4 + 60 + 2


def test_every_message_can_be_taken():
    metrics = Metrics('a"b\\c\nd')
    for message in every_message(builder()):
        metrics.take(message)
    assert samples(metrics.text())


def test_the_file_is_whole_private_and_empty_of_people_at_the_end(tmp_path):
    path = tmp_path / "metrics" / "emoedge.prom"
    file = MetricsFile(path, "salón")
    build = builder()
    file.publish(build.outcome(STATE))
    assert file.writer.join(60)
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0
    assert samples(path.read_text())["emoedge_up", ""] == 1
    file.stop(60)
    left = samples(path.read_text())
    assert left["emoedge_up", ""] == 0
    assert {name for name, _ in left} == {
        *("emoedge_up", "emoedge_info", "emoedge_emotion_seconds_total", "emoedge_episodes_total")
    }
    assert [one.name for one in path.parent.iterdir()] == ["emoedge.prom"]


def test_it_is_not_written_with_every_message_but_at_once_for_privacy(tmp_path):
    path = tmp_path / "emoedge.prom"
    file = MetricsFile(path, "salón")

    def published(outcome) -> dict[tuple[str, str], float]:
        file.publish(builder(now_s=outcome.time_s + 0.01).outcome(outcome))
        assert file.writer.join(60)
        return samples(path.read_text())

    published(replace(STATE, time_s=0.0))
    soon = published(replace(STATE, time_s=1.0, confidence=0.9))
    assert soon["emoedge_confidence_ratio", ""] == 0.56
    private = published(replace(NOBODY, time_s=1.5, reason="privacy"))
    assert private["emoedge_privacy", ""] == 1
    later = published(replace(STATE, time_s=2.0 + WRITE_EVERY_S, confidence=0.9))
    assert later["emoedge_confidence_ratio", ""] == 0.9


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    file = MetricsFile(tmp_path / "file" / "emoedge.prom", "salón")
    file.publish(builder().outcome(STATE))
    assert file.writer.join(60)
    (part,) = file.health()
    assert (part.name, part.state) == ("metrics", "degraded")
    assert "emoedge.prom" in part.reason


def test_without_a_name_there_is_no_file_and_no_part():
    file = MetricsFile(None, "salón")
    file.publish(builder().outcome(STATE))
    file.stop(1)
    assert list(file.health()) == []
    assert file.writer.thread is None


def test_a_name_that_no_collector_reads_is_refused(tmp_path):
    from emoedge.config import load_settings

    path = tmp_path / "emoedge.toml"
    path.write_text('[metrics]\ntextfile = "/run/emoedge/metrics.txt"\n')
    with pytest.raises(ConfigError, match=r"\.prom"):
        load_settings(path)
    path.write_text('[metrics]\ntextfile = ""\n')
    assert load_settings(path).metrics.textfile is None


def test_the_daemon_keeps_the_file(tmp_path):
    path = tmp_path / "metrics" / "emoedge.prom"
    settings = Settings.model_validate(
        {
            "device_id": "salon",
            "camera": {"source": "none"},
            "microphone": {"source": "none"},
            "mqtt": {"enabled": False},
            "recording": {"dir": tmp_path / "recordings"},
            "paths": {"state": tmp_path / "state", "socket": tmp_path / "daemon.sock"},
            "metrics": {"textfile": path},
        }
    )
    daemon = Daemon(assemble(settings))
    daemon.start()
    try:
        daemon.look()
        assert daemon.parts.metrics.writer.join(60)
        waited = threading.Event()
        for _ in range(600):
            if path.exists():
                break
            waited.wait(0.1)
        assert samples(path.read_text())["emoedge_up", ""] == 1
        assert "metrics" in {part.name for part in daemon.health_parts}
    finally:
        daemon.stop()
    assert daemon.parts.metrics.writer.join(60)
    assert samples(path.read_text())["emoedge_up", ""] == 0


def test_promtool_finds_nothing_to_complain_of(tmp_path):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool here (apt-get install prometheus)")
    metrics = Metrics("salon")
    for message in every_message(builder()):
        metrics.take(message)
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=metrics.text(), capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stderr
    for kind, name in (("config", "prometheus.yml"), ("rules", "rules.yml")):
        path = INTEGRATIONS / "prometheus" / name
        subprocess.run([promtool, "check", kind, path], check=True, timeout=120, capture_output=True)


def test_the_examples_use_names_that_there_are():
    files = [*INTEGRATIONS.glob("prometheus/*.yml"), INTEGRATIONS / "grafana" / "dashboard.json"]
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"\bemoedge_\w+", text)) <= NAMES, path
    board = json.loads(files[-1].read_text(encoding="utf-8"))
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


def test_telegraf_asks_for_fields_that_summary_has():
    telegraf = (INTEGRATIONS / "telegraf" / "telegraf.conf").read_text(encoding="utf-8")
    paths = set(re.findall(r'^ +(?:path|timestamp_path) = "(\w+)"', telegraf, re.MULTILINE))
    assert paths
    assert paths <= SummaryPayload.model_fields.keys()


def test_every_metric_is_described():
    described = (INTEGRATIONS / "metrics.md").read_text(encoding="utf-8")
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
        assert f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} |" in described

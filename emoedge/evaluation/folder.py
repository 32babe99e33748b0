"""A folder of labelled clips, replayed and compared with its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoedge.batch import Job, Report, find_jobs, result_of
from emoedge.batch.run import Watcher, run_batch
from emoedge.batch.stamp import read_stamp
from emoedge.config import Settings
from emoedge.emotions import Emotion
from emoedge.errors import ConfigError, MediaError
from emoedge.evaluation.answers import METHODS, Answer, answers_of
from emoedge.evaluation.labels import find_labels
from emoedge.evaluation.measures import Scores, score
from emoedge.fusion.confidence import Confidence
from emoedge.fusion.learned import LearnedFusion
from emoedge.model_store import resolve
from emoedge.model_store.manifest import CONFIDENCE, LEARNED_FUSION
from emoedge.translation import tr


@dataclass(frozen=True, slots=True)
class LabelledClips:
    """The clips of a folder that have a label.

    Attributes:
        jobs: replay of each.
        labels: by `Job.name`.
        unlabelled: names of the clips left out.
    """

    jobs: tuple[Job, ...]
    labels: Mapping[str, Emotion]
    unlabelled: tuple[str, ...]

    @classmethod
    def find(cls, folder: Path, results: Path) -> LabelledClips:
        """Find the media below a folder and their labels; see find_labels().

        Args:
            folder: of the clips.
            results: folder for what replay finds in them.

        Raises:
            ConfigError: not a folder, no media in it, or labels that cannot be understood.
        """
        if not folder.is_dir():
            raise ConfigError(
                tr("{folder} is not a folder", folder=folder), tr("name the folder of the labelled clips")
            )
        jobs = find_jobs([folder], results)
        labels = find_labels(folder, [job.name for job in jobs])
        return cls(
            tuple(job for job in jobs if job.name in labels),
            labels,
            tuple(job.name for job in jobs if job.name not in labels),
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Answers to labelled clips and what they are worth.

    Attributes:
        labels: by the name of the clip.
        answers: by the name of the clip, then by method.
        scores: by method.
    """

    labels: Mapping[str, Emotion]
    answers: Mapping[str, Mapping[str, Answer]]
    scores: Mapping[str, Scores]


def evaluate(
    settings: Settings, clips: LabelledClips, results: Path, processes: int, watcher: Watcher
) -> tuple[Evaluation, Report]:
    """Replay the clips and compare the answers with the labels.

    Args:
        settings: of the pipeline.
        clips: at least one.
        results: folder for what replay finds; what is there and still true is not replayed again.
        processes: at least 1.
        watcher: is notified of the progress of the replay.

    Raises:
        ModelError: nothing to perceive with, or no coefficients of the learned fusion.
        MediaError: no clip could be read.
        OSError: `results` cannot be written.
    """
    learned = LearnedFusion.load(resolve(LEARNED_FUSION, settings.paths.models))
    confidence = Confidence.load(resolve(CONFIDENCE, settings.paths.models))
    report = run_batch(settings, clips.jobs, results, processes, watcher=watcher)
    failed = {failure.name for failure in report.failures}
    answers = {
        job.name: _answers_to(job, settings, learned, confidence)
        for job in clips.jobs
        if job.name not in failed
    }
    if not answers:
        raise MediaError(
            tr("none of the {count} clips could be read", count=len(clips.jobs)), report.failures[0].error
        )
    scores = _scores(answers, clips.labels)
    return Evaluation({name: clips.labels[name] for name in answers}, answers, scores), report


def _answers_to(
    job: Job, settings: Settings, learned: LearnedFusion, confidence: Confidence
) -> dict[str, Answer]:
    duration_s = result_of(read_stamp(job) or {}).duration_s
    with job.result.open(encoding="utf-8") as lines:
        return answers_of(lines, duration_s, settings.fusion, learned, confidence)


def _scores(answers: Mapping[str, Mapping[str, Answer]], labels: Mapping[str, Emotion]) -> dict[str, Scores]:
    truth: Sequence[Emotion] = [labels[name] for name in answers]
    return {method: score(truth, [given[method] for given in answers.values()]) for method in METHODS}

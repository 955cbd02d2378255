"""The results of a finished run: the networks that are kept, with their weights and measurements."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas_cli.errors import Infeasible, RunError
from nas_cli.execute.session import Session
from nas_cli.files import copy_file, draft_folder, write_json, write_text
from nas_cli.record.candidates import baseline_of
from nas_cli.record.directory import Kept, RunDirectory
from nas_cli.record.events import FinalFinished, FinalSelected, FinalTraining
from nas_cli.record.inputs import write_samples
from nas_cli.record.lines import fields_of
from nas_cli.record.stored import are_numbers, read_json, record_of
from nas_cli.run.compose import Experiment
from nas_cli.run.final.selection import Selection, best_of
from nas_cli.run.final.training import Candidate
from nas_cli.run.observer import Observer
from nas_cli.search.front import Front
from nas_cli.space.edit import replay
from nas_cli.space.nodes import to_yaml
from nas_cli.train.checkpoint import require_tensors, save_tensors
from nas_cli.yaml_text import dump_yaml

OURS = {path.name for path in (*Kept(Path()).files, RunDirectory(Path()).samples)}
"""The names of the files in a kept network's folder."""
MEASURED = record_of({"validation": are_numbers})
"""The fields that metrics.json must have for its weights to be used again."""
SAMPLES, SAMPLE_BYTES = 64, 4_000_000
"""The most validation inputs, and bytes of them, that are kept to check exports; at least four inputs."""


@dataclass(frozen=True)
class Keeper:
    """Writes the kept networks of one run; `chosen` are the candidates of its final phase, by name."""

    experiment: Experiment
    session: Session
    run: RunDirectory
    chosen: Mapping[str, Candidate]
    observer: Observer

    def keep(self, kept: Mapping[str, FinalFinished], verdict: str) -> None:
        """Writes the folders of the `kept` networks: best/, baselines/ and front/, each of the three atomically.

        Raises RunError where weights were deleted.
        """
        for top in dict.fromkeys(folder.split("/")[0] for folder in kept):
            with draft_folder(self.run.path / top) as building:
                for folder, repetition in kept.items():
                    if folder.split("/")[0] == top:
                        self._write(building / folder, repetition, verdict)
                if top == self.run.samples.parent.name:
                    samples = self.session.data.validation.samples(SAMPLES, SAMPLE_BYTES)
                    save_tensors(building / top / self.run.samples.name, write_samples(samples), {})
                self._replace(building / top, self.run.path / top)

    def _replace(self, built: Path, folder: Path) -> None:
        """Replaces `folder` by `built`. A folder with files of the user is renamed instead of deleted, with a note."""
        self.run.require_way(folder)
        theirs = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in OURS]
        theirs = [path for path in theirs if path.name[0] != "."]
        if theirs:
            names = (folder.with_name(f"{folder.name}-before-{number}") for number in itertools.count(1))
            aside = next(name for name in names if not os.path.lexists(name))
            folder.rename(aside)
            self.observer.note(f"{theirs[0]} is not of nas: what lay in {folder} before is kept as {aside}")
        shutil.rmtree(folder, ignore_errors=True)
        built.rename(folder)

    def _write(self, folder: Path, kept: FinalFinished, verdict: str) -> None:
        """The architecture, the weights and the validation measurement of one final training."""
        experiment, session, files = self.experiment, self.session, Kept(folder)
        candidate = self.chosen[kept.candidate]
        weights = self.run.final_weights(kept.candidate, kept.seed)
        if not weights.exists():
            raise RunError(f"{weights} is missing: it was deleted; 'nas search --resume' trains it again")
        content = {
            "format": 1,
            "name": experiment.spec.name,
            **session.problem.to_data(),
            "model": candidate.architecture,
            "train": dict(candidate.train),
        }
        metrics = {name: kept.measurement[name] for name in experiment.task.metrics if name in kept.measurement}
        others = {name: value for name, value in kept.measurement.items() if name not in metrics}
        summary = {
            "candidate": kept.candidate,
            "seed": kept.seed,
            "reward": kept.reward,
            "objective": experiment.objective.describe(),
            "validation": metrics,
            **others,
            "verdict": verdict,
        }
        write_text(files.architecture, dump_yaml(content))
        write_json(files.metrics, summary)
        copy_file(weights, files.weights)
        assert session.fields is not None
        if not session.fields.raw or len(session.problem.inputs) > 1:
            write_json(files.preprocessing, session.fields.state())


def recover(run: RunDirectory, wanted: Iterable[FinalFinished]) -> None:
    """Copies the weights that a finished run kept to the paths of final trainings, so that a run that goes on trains
    none of these again.
    """
    networks = [run.best, *run.kept.values()]
    for training in wanted:
        weights = run.final_weights(training.candidate, training.seed)
        kept = next((network for network in networks if _keeps(network, training)), None)
        if kept is not None and not weights.exists():
            copy_file(kept.weights, weights)


def _keeps(kept: Kept, training: FinalFinished) -> bool:
    """Whether `kept` has readable weights of this very training, recognised by its measurement, seconds included."""
    wanted = {"candidate": training.candidate, "seed": training.seed, **training.measurement}
    try:
        stored = read_json(kept.metrics)
        if not MEASURED(stored):
            return False
        values = {**stored["validation"], **stored}
        if any(values.get(name) != value for name, value in wanted.items()):
            return False
        require_tensors(kept.weights)
    except RunError:  # a file is missing or damaged
        return False
    return True


def what_is_kept(selection: Selection, done: Sequence[FinalTraining]) -> dict[str, FinalFinished]:
    """The final trainings that are kept, by their folder: best, baselines/NAME, and with several objectives
    front/CANDIDATE for each candidate on the front.
    """
    kept = {"best": selection.winner}
    finished = [final for final in done if isinstance(final, FinalFinished)]
    for standing in selection.standings:
        baseline = baseline_of(standing.candidate)
        if baseline is not None:
            kept[f"baselines/{baseline}"] = best_of(f for f in finished if f.candidate == standing.candidate)
    for name in selection.front:
        kept[f"front/{name}"] = best_of(f for f in finished if f.candidate == name)
    return kept


def write_front(experiment: Experiment, run: RunDirectory, front: Front, selection: Selection | None = None) -> None:
    """Writes front.json: the front of the search, each member with its architecture and recipe."""
    networks = {}
    for trial in front.members:
        try:
            resolved = replay(experiment.space, trial.genotype)
        except Infeasible as error:
            raise RunError(f"trial {trial.number} of {run.path} does not fit the spec any more: {error}") from None
        networks[trial.number] = {"architecture": to_yaml(resolved.model), "train": dict(resolved.train)}
    goals = [str(goal) for goal in experiment.objective.goals]
    write_json(run.front, _described(front, goals, networks, selection.as_event() if selection else None))


def _described(
    front: Front, goals: Sequence[str], resolved: Mapping[int, Mapping[str, Any]], selected: FinalSelected | None
) -> dict[str, Any]:
    """The content of front.json: the objectives, the knee, and each member with its measurement and its entry in
    `resolved` (architecture and recipe).

    `selected` is the event of the final phase, once it is over: what was trained from scratch, and what was kept.
    """
    bend, final = front.knee, fields_of(selected) if selected is not None else None
    members = [
        {"trial": trial.number, "measurement": dict(trial.measurement), **resolved[trial.number]}
        for trial in front.members
    ]
    return {
        "objectives": list(goals),
        "knee": bend.number if bend else None,
        "members": members,
        "final": {key: final[key] for key in ("candidate", "seed", "front", "ranking")} if final else None,
    }

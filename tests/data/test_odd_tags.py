"""Tagged sentences as people have them: every scheme and spelling, what is passed over, objectives without entities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from nas_cli.data import Wanted, load_test, load_training, parse_data
from nas_cli.data.formats.tag_schemes import to_iob2, unifier
from nas_cli.describe.starter import survey
from nas_cli.errors import DataError, UserError
from nas_cli.run.compose import compose, suited
from nas_cli.run.search import open_session, undefined_here
from nas_cli.spec.load import parse_document
from nas_cli.task import open_task, scored

WANTED = Wanted("sentences", "tags")
TASK = open_task("sequence-labelling")


def load(path: Path, text: str = "", **more: Any) -> Any:
    if text:
        path.write_text(text, newline="")
    return load_training(parse_data({"source": "conll", "path": str(path), **more}), 0, wanted=WANTED)


def said(data: Any) -> str:
    return " ".join(data.notes)


@pytest.mark.parametrize(
    ("tags", "labels", "scheme"),
    [
        ("B_PER I_PER O B_LOC", ("B-LOC", "B-PER", "I-PER", "O"), "'B_PER' as 'B-PER'"),
        ("b-per i-per o", ("B-per", "I-per", "O"), "'b-per' as 'B-per'"),
        ("PER-B PER-I O", ("B-PER", "I-PER", "O"), "'PER-B' as 'B-PER'"),
        ("B:PER I:PER O", ("B-PER", "I-PER", "O"), "'B:PER' as 'B-PER'"),
        ("B I O", ("B-ENTITY", "I-ENTITY", "O"), "'B' as 'B-ENTITY'"),
        ("B-PER E-PER O S-LOC", ("B-LOC", "B-PER", "I-PER", "O"), "BIOES"),
        ("B-PER L-PER O U-LOC", ("B-LOC", "B-PER", "I-PER", "O"), "BILOU"),
        ("B-PER M-PER E-PER O", ("B-PER", "I-PER", "O"), "BMES"),
        ("I-PER I-PER O I-LOC", ("B-LOC", "B-PER", "I-PER", "O"), "IOB1"),
        ("B-PER I-PER O", ("B-PER", "I-PER", "O"), ""),
    ],
)
def test_every_scheme_and_spelling(tmp_path: Path, tags: str, labels: tuple[str, ...], scheme: str) -> None:
    sentence = "".join(f"w{k} {tag}\n" for k, tag in enumerate(tags.split()))
    data = load(tmp_path / "a.conll", f"{sentence}\n" * 10)
    assert data.labels == labels
    assert scheme in said(data)
    assert ("tags are" in said(data)) is bool(scheme)
    assert TASK.undefined(data.validation.targets, data.labels) == {}


@pytest.mark.parametrize("tags", ["NOUN VERB", "S-NP B_X", "B_X I_X", "DT O_x", "O N", "a-b O c-d"])
def test_other_tags_stay_as_they_are(tags: str) -> None:
    assert unifier(tags.split()) == {}


def test_other_parts_are_read_as_the_training_part_is(tmp_path: Path) -> None:
    (tmp_path / "train.bio").write_text("Ann B_PER\nis O\n\n" * 10)
    (tmp_path / "test.bio").write_text("Ann B_PER\n\n")
    given = parse_data({"source": "conll", "path": str(tmp_path)})
    data = load_training(given, 0, wanted=WANTED)
    assert load_test(given, 0, data.labels, wanted=WANTED, fields=data.fields).targets.tolist() == [[0]]


def test_tabs_line_ends_comments_and_unusual_spaces(tmp_path: Path) -> None:
    plain = load(tmp_path / "a.conll", "# id 1\nNew\u00a0York\tB-LOC\n#\tO\n\n# a word\nOslo\tB-LOC\nis\tO\n\n" * 8)
    windows = load(tmp_path / "b.conll", "New\u00a0York B-LOC\r\n# O\r\n\r\nOslo B-LOC\r\nis O\r\n\r\n" * 8)
    assert np.array_equal(plain.train.inputs, windows.train.inputs)
    assert "New\u00a0York" in plain.encoder.content["words"]
    assert "#" in plain.encoder.content["words"]
    assert "16 lines of comments" in said(plain)


UNIVERSAL = (
    "# sent_id = 1\n# text = They don't\n"
    "1\tThey\tthey\tPRON\tPRP\t_\t3\tnsubj\t_\t_\n2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "2\tdo\tdo\tAUX\tVBP\t_\t3\taux\t_\t_\n3\tn't\tnot\tPART\tRB\t_\t0\troot\t_\t_\n\n"
)


def test_universal_dependencies(tmp_path: Path) -> None:
    (tmp_path / "en_ewt-ud-train.conllu").write_text(UNIVERSAL * 10)
    (tmp_path / "en_ewt-ud-dev.conllu").write_text(UNIVERSAL)
    data = load(tmp_path)
    assert data.labels == ("AUX", "PART", "PRON")
    assert sorted(data.encoder.content["words"]) == ["They", "do", "n't"]
    assert "the first column of" in said(data)
    assert "20 lines of comments and 10 of words that are in other lines too" in said(data)
    assert load(tmp_path, column=4).labels == ("PRP", "RB", "VBP")


def test_tags_in_two_unicode_forms_are_one(tmp_path: Path) -> None:
    data = load(tmp_path / "a.conll", "x B-caf\u00e9\ny O\n\nx B-cafe\u0301\ny O\n\n" * 8)
    assert data.labels == ("B-caf\u00e9", "O")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\tB-X\nb\t\n", r":2: no tag: the last column is empty"),
        ("a B-X\nb\n", r":2: one column, 'b'"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        load(tmp_path / "a.conll", text)


def test_words_that_are_empty_or_look_so(tmp_path: Path) -> None:
    data = load(tmp_path / "a.conll", "Ann\tB-X\n\tO\n\u00a0\tO\n\n" * 8)
    assert "that are empty: 8" in said(data)
    assert {"", "\u00a0"} < set(data.encoder.content["words"])


def test_a_test_part_without_tags_is_told_of_before(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text("Ann B-PER\nis O\n\n" * 10)
    (tmp_path / "test.conll").write_text("Ann\nis\n")
    with pytest.raises(DataError, match=r"the test part cannot be evaluated: .*one column"):
        load(tmp_path)


def test_parts_are_whole_words_and_others_are_named(tmp_path: Path) -> None:
    for name in ("engtrain.conll", "devices.txt", "contest.txt"):
        (tmp_path / name).write_text("Ann B-PER\nis O\n\n" * 10)
    with pytest.raises(DataError, match=r"no file that is called train: contest\.txt, devices\.txt, engtrain\.conll"):
        load(tmp_path)
    (tmp_path / "trainset.conll").write_text("Ann B-PER\nis O\n\n" * 10)
    assert "no part of" in said(load(tmp_path))


@pytest.mark.parametrize("tags", ["B-PER I-PER O", "S-A B-A E-A O", "I-A I-B O"])
def test_iob2_stays(tags: str) -> None:
    assert to_iob2(to_iob2(tags.split())) == to_iob2(tags.split())


# Objectives -----------------------------------------------------------------------------------------------------------

SPEC = "task: sequence-labelling\ndata: {{source: conll, path: {path}}}\nspace: tagger\n{objective}\n"
POS = "Dogs NOUN\nbark VERB\n\nCats NOUN\nmew VERB\n\n" * 10


def objective_of(path: Path, objective: str = "") -> Any:
    experiment = compose(parse_document(SPEC.format(path=path, objective=objective), "spec.yaml"))
    with open_session(experiment) as session:
        return suited(experiment, undefined_here(session))


def test_without_entities_accuracy_is_the_objective_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text(POS)
    found = objective_of(tmp_path / "a.conll")
    assert found.objective.describe() == "maximize accuracy"
    assert found.spec.objective == {"maximize": "accuracy"}
    assert "the objective is accuracy, since f1 has no value here: no tag marks an entity" in found.notes[-1]
    limited = objective_of(tmp_path / "a.conll", "objective: {constraints: {params: {max: 1000000}}}")
    assert limited.objective.goals[0].name == "accuracy"
    assert limited.objective.constraints
    with pytest.raises(UserError, match="the objective f1 has no value on the validation part: no tag marks"):
        objective_of(tmp_path / "a.conll", "objective: {maximize: f1}")


def test_a_validation_part_without_entities(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text("Ann B-PER\nis O\n\n" * 10)
    (tmp_path / "dev.conll").write_text("it O\nis O\n\n")
    assert "it has no entity" in objective_of(tmp_path).notes[-1]
    (tmp_path / "dev.conll").write_text("Ann B-PER\n\n")
    assert objective_of(tmp_path).objective.describe() == "maximize f1"


def test_init_names_an_objective_that_has_a_value(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text(POS)
    found = survey("sequence-labelling", tmp_path / "a.conll")
    assert yaml.safe_load(found.text)["objective"] == {"maximize": "accuracy"}
    assert "the objective is accuracy" in found.notes[-1]
    assert "f1," not in found.text.split("other metrics:")[1].split(".")[0].replace("macro_f1,", "")


def test_scores_of_entities_are_left_out_of_a_report_without_any() -> None:
    rng = np.random.default_rng(0)
    outputs, tags = rng.normal(size=(4, 2, 3)).astype(np.float32), rng.integers(0, 2, (4, 3))
    report = scored(TASK, outputs, tags, ("NOUN", "VERB")).report()
    assert set(report["metrics"]) == {"accuracy", "macro_f1", "loss"}

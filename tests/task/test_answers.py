"""A task answers through the network itself: once for each example, in pieces, or as often as it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from nas_cli.data.fields import one_of, stacked
from nas_cli.errors import PluginError
from nas_cli.plugins import Origin
from nas_cli.task import open_task
from nas_cli.task.base import Task
from nas_cli.task.guards import HeldTask


def logits(words: Sequence[str]) -> Any:
    """(3, words): tag 1, B-PER, for a word in capitals, 0 for any other."""
    tags = np.array([1 if word.isupper() else 0 for word in words])
    return np.eye(3)[tags].T


def test_a_long_sentence_is_answered_in_pieces() -> None:
    task, seen = open_task("sequence-labelling"), []

    def run(examples: Sequence[Any]) -> list[Any]:
        seen.extend(examples)
        return [logits(words) for words in examples]

    sentence = ("a", "ANN", "b", "c", "BOB")
    whole, short = task.answers(run, [sentence, ("x",)], ("O", "B-PER", "I-PER"), {"longest": 2})
    assert seen == [("a", "ANN"), ("b", "c"), ("BOB",), ("x",)]
    assert whole["words"] == list(sentence)
    assert whole["tags"] == ["O", "B-PER", "O", "O", "B-PER"]
    assert [(entity["first"], entity["text"]) for entity in whole["entities"]] == [(1, "ANN"), (4, "BOB")]
    assert short["tags"] == ["O"]
    assert task.answers(run, [sentence], ("O", "B-PER", "I-PER"), {})[0] == whole


class Writer:
    """Writes letters until the network has had enough."""

    def answers(
        self, run: Any, examples: Sequence[Any], labels: Sequence[str], facts: Mapping[str, Any], top: int
    ) -> Any:
        texts = list(examples)
        for _ in range(facts["most"]):
            more = run(texts)
            texts = [text + labels[int(np.argmax(output))] for text, output in zip(texts, more, strict=True)]
        return [{"text": text} for text in texts]


def held(task: Any) -> HeldTask:
    members: Any = task
    return HeldTask(members, Origin("mine.py", "task", "mine"))


def test_a_task_may_ask_the_network_again_and_again() -> None:
    def run(examples: Sequence[str]) -> list[Any]:
        return [np.eye(3)[len(text) % 3] for text in examples]

    found = held(Writer()).answers(run, ["", "xy"], ("a", "b", "c"), {"most": 4})
    assert found == [{"text": "abca"}, {"text": "xycabc"}]


@pytest.mark.parametrize("given", [[{"a": 1}], "text", [1, 2], [{"a": object()}, {}]])
def test_answers_of_a_plugin_are_held_to_the_contract(given: Any) -> None:
    class Wrong:
        def answers(self, *_: Any) -> Any:
            return given

    with pytest.raises(PluginError, match="answers"):
        held(Wrong()).answers(lambda examples: [], ["x", "y"], (), {})


def test_a_plugins_task_without_answers_gives_one_for_each_output() -> None:
    class Plain:
        def answer(self, outputs: Any, labels: Sequence[str], top: int, raw: Any) -> dict[str, Any]:
            return {"sum": float(outputs.sum()), "raw": raw}

    found = held(Plain()).answers(lambda examples: [np.ones(2), np.zeros(2)], ["x", "y"], (), {})
    assert found == [{"sum": 2.0, "raw": "x"}, {"sum": 0.0, "raw": "y"}]


@pytest.mark.parametrize(
    "raw",
    [
        np.arange(6.0).reshape(3, 2),
        np.array(["a", "b", "c"], object),
        {"user": np.array(["u", "v", "w"], object), "image": np.zeros((3, 1, 2, 2), np.uint8)},
    ],
)
def test_examples_are_taken_apart_and_put_together(raw: Any) -> None:
    def at(place: int) -> Any:
        if isinstance(raw, dict):
            return {field: array[place : place + 1] for field, array in raw.items()}
        return raw[place : place + 1]

    again: Any = stacked([one_of(at(place)) for place in range(3)])
    pairs = [(raw[field], again[field]) for field in raw] if isinstance(raw, dict) else [(raw, again)]
    for before, after in pairs:
        np.testing.assert_array_equal(before, after)
        assert before.dtype == after.dtype


def test_every_task_answers() -> None:
    task: Task = open_task("image-classification")
    found = task.answers(lambda examples: [np.array([0.0, 2.0])] * len(examples), [None, None], ("no", "yes"), {})
    assert [answer["label"] for answer in found] == ["yes", "yes"]

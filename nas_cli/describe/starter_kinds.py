"""What a starter spec says for each kind of data."""

from __future__ import annotations

from dataclasses import dataclass

from nas_cli.data.source import Wanted


@dataclass(frozen=True)
class Kind:
    """What a spec for data of one `source` says.

    It trains for `epochs`, or until so many `examples` were seen, 100 epochs at most: few rows need more passes.
    """

    source: str
    space: str
    epochs: int
    batch_size: int
    baseline: str
    more: str = ""
    settings: tuple[str, ...] = ()
    examples: int | None = None


TABLES = Kind(
    "csv",
    "tabular",
    8,
    128,
    "  linear: [features]\n"
    "  mlp: [features, {linear: {units: 256}}, relu, {dropout: {rate: 0.2}}, {linear: {units: 128}}, relu]",
    examples=100_000,
)
TEXTS = Kind(
    "text",
    "text-cnn-rnn-attention",
    8,
    64,
    "  bag-of-words: [{embedding: {units: 100}}, {dropout: {rate: 0.5}}, {global_pool: avg}]",
    settings=(
        "# tokenizer: word                # word, character or bpe",
        "# max_length: 256                # in words",
    ),
)
SENTENCES = Kind(
    "conll",
    "tagger",
    16,
    32,
    "  bilstm: [{embedding: {units: 100, unknown: 0.05}}, {dropout: {rate: 0.5}}, {lstm: {units: 200}}, crf]",
    more="\n  clip: 5.0",
    settings=("# characters: 16                 # of each word, for spaces that read them",),
)
PICTURES = Kind(
    "image-table",
    "resnet",
    10,
    32,
    "  plain: [{conv: {channels: 16, stride: 2}}, relu, {conv: {channels: 32, stride: 2}}, relu, {global_pool: avg}]",
    more="\n  # augment: [flip]               # where a mirrored image has the same numbers, with task above as\n"
    "  #                                 {image-regression: {unchanged_by: [flip]}}",
    examples=20_000,
)
KINDS = {
    Wanted("table rows", "class"): TABLES,
    Wanted("table rows", "number"): TABLES,
    Wanted("texts", "class"): TEXTS,
    Wanted("sentences", "tags"): SENTENCES,
    Wanted("images", "number"): PICTURES,
}
NAMED = {"class": "classes", "mask": "classes", "tags": "tags", "number": "numbers"}
"""What labels are the names of, by the kind of target."""

"""Interprets the arguments of `nas predict`: a run, files and folders, standard input, or texts."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas_cli.errors import DataError, RunError, UserError

STAMP = re.compile(r"-\d{8}-\d{6}(-\d+)?$")
"""The time stamp at the end of the name of a run."""
FILE_ENDINGS = (
    *(".txt", ".text", ".csv", ".tsv", ".gz", ".zip", ".conll", ".bio", ".iob", ".iob2", ".md", ".json", ".jsonl"),
    *(".png", ".jpg", ".jpeg", ".npy", ".npz", ".parquet", ".xlsx", ".xml", ".html", ".pdf", ".yaml", ".yml", ".tar"),
)
NEAR = 0.75
AS_TEXT = "If it is a text, say so with --text"


@dataclass(frozen=True)
class Given:
    """Either files, or texts, or standard input."""

    files: tuple[Path, ...] = ()
    texts: tuple[str, ...] = ()
    standard_input: bool = False


def split_run(words: Sequence[str], root: Path = Path("runs")) -> tuple[Path | None, list[str]]:
    """(run, the other words): the first word is the run if it is a directory with a journal.

    Raises RunError where the first word looks like a run, by its name or content, and is none, and UserError for an
    empty word.
    """
    if not words:
        return None, []
    _require_words(words)
    first, rest = Path(words[0]), list(words[1:])
    if _exists(first / "journal.jsonl"):
        return first, rest
    if _exists(first / "spec.yaml"):
        raise RunError(f"{first} is no whole run directory: journal.jsonl is missing")
    if STAMP.search(words[0].rstrip("/")) and not _exists(first):
        raise RunError(f"there is no run directory {first}{_near_run(first, root)}")
    if first.is_dir() if _exists(first) else False:
        inside = [item for item in sorted(first.iterdir()) if _exists(item / "journal.jsonl")]
        if inside:
            raise RunError(f"{first} is a folder of runs: name one of them, {inside[-1]} say")
    return None, list(words)


def divide(inputs: Sequence[str | Path], takes_texts: bool, text: bool) -> Given:
    """Tells files, texts and standard input apart. Raises DataError with the nearest name for a missing file, and
    UserError where they are mixed."""
    if text:
        if not takes_texts:
            raise UserError("--text is for a network that takes texts, and this one does not")
        return Given(texts=tuple(map(str, inputs)))
    _require_words(inputs)
    words = [word for word in inputs if str(word) != "-"]
    files = [word for word in words if _exists(Path(word))]
    texts = [word for word in words if not _exists(Path(word))]
    for word in texts:
        _require_text(word, takes_texts)
    asks_input = len(words) < len(inputs)
    if asks_input and len(inputs) > 1:
        raise UserError("- is standard input, and stands alone: give files in another call")
    if files and texts:
        what = "folder" if Path(files[0]).is_dir() else "file"
        raise UserError(
            f"{files[0]} is a {what}, and '{_short(str(texts[0]))}' is none: give files, or texts, not both; with "
            "--text all are texts"
        )
    return Given(tuple(map(Path, files)), tuple(map(str, texts)), asks_input)


def _require_text(word: str | Path, takes_texts: bool) -> None:
    """Raises DataError where `word`, which names no existing file, was meant for one."""
    if isinstance(word, Path) or not takes_texts:
        raise DataError(f"there is no file or folder {word}{near_name(str(word))}")
    if looks_like_path(word):
        raise DataError(f"there is no file or folder {word}{near_name(word) or '.'} {AS_TEXT}")


def _require_words(words: Sequence[str | Path]) -> None:
    """Raises UserError for an empty word, which as a path would mean the current folder."""
    if any(not str(word) for word in words):
        raise UserError("an empty word names no file and is no text: a variable that is not set, perhaps")


def looks_like_path(text: str) -> bool:
    """Whether `text` is more likely the name of a missing file or folder than a text to predict from."""
    if "\n" in text or not text.strip():
        return False
    if text.startswith(("./", "../", "~/")) or text.lower().endswith(FILE_ENDINGS):
        return True
    if not any(letter.isspace() for letter in text):
        return "/" in text or bool(STAMP.search(text)) or near_name(text) != ""
    return text.startswith("/") and _exists(Path("/", Path(text).parts[1])) if len(text) > 1 else False


def near_name(word: str) -> str:
    """`; did you mean 'reviews.csv'?` for a file in the same folder with a similar name, else ""."""
    path = Path(word)
    try:
        names = os.listdir(path.parent)
    except (OSError, ValueError):  # a text may have characters that no path can have
        return ""
    near = difflib.get_close_matches(path.name, [name for name in names if name[0] != "."], n=1, cutoff=NEAR)
    return f"; did you mean '{path.parent / near[0]}'?" if near else ""


def _near_run(path: Path, root: Path) -> str:
    for folder in dict.fromkeys((path.parent, root)):
        if folder.is_dir():
            names = [item.name for item in folder.iterdir() if _exists(item / "journal.jsonl")]
            near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
            if near:
                return f"; did you mean '{folder / near[0]}'?"
    return ""


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a text may be too long for a path, or have characters that no path can have
        return False


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"

"""Texts by class in a folder or archive: a file of lines for each, or a folder of files for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nas_cli.data.formats.archives import File, Member
from nas_cli.data.formats.encodings import Say, decode, encoding_of, require_codec
from nas_cli.data.formats.files import GZIP, read_bytes
from nas_cli.data.formats.folders import PassedOver, Place, class_name, require_classes
from nas_cli.data.formats.foreign import is_json
from nas_cli.data.formats.trees import Tree, content
from nas_cli.data.sources.text_table import Texts
from nas_cli.errors import DataError

NO_CLASS = ("readme", "license", "licence", "changes")
WIDE = ("utf-16", "utf16", "utf-32", "utf32")
"""Encodings whose texts contain zero bytes."""
DOCUMENTS = (b"%PDF-", b"PK\3\4", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
"""How documents, archives and pictures begin."""
LOOKED_AT, MOST_ZEROS = 8192, 0.01
"""Bytes, and the share of zeros among them above which they are no text; a stray one may be in any."""

Files = list[tuple[Place, File]]


def read_classes(tree: Tree, encoding: str, passed: PassedOver, whole: bool, say: Say) -> Texts:
    """The texts in the order of classes and files. What is no text goes to `passed`.

    Raises DataError where there are none and, with `whole`, where a class has none.
    """
    require_codec(encoding)
    texts: Texts = []
    for name, files in find_classes(tree, passed).items():
        before = len(texts)
        for place, file in files:
            raw, origin = content(file), Path(tree.origin, *place)
            if _is_binary(raw, encoding):
                if len(place) == 1:
                    raise DataError(f"{origin} is no text, and is a class by its name: take it away")
                passed.add("no texts", _named(tree, place))
                continue
            text = decode(raw, encoding, origin, say)
            lines = text.split("\n") if len(place) == 1 else [text]
            if len(place) == 1 and is_json(raw[:LOOKED_AT]):
                say(f"lines of {origin} are JSON, and are read as they stand, with names and brackets")
            found = [(line.strip(), name) for line in lines if line.strip()]
            if not found:
                passed.add("empty", _named(tree, place))
            texts += found
        if len(texts) == before and whole:
            raise DataError(f"the class '{name}' in {tree.origin} has no texts: fill it, or take it away")
    return texts


def find_classes(tree: Tree, passed: PassedOver) -> dict[str, Files]:
    """The files of each class. Folders within a class folder belong to it; where there are folders, files beside them
    are no classes.

    Raises DataError where there are none, or where one is called by no name that can be used.
    """
    classes: dict[str, Files] = {}
    if tree.folders:
        require_classes(tree.origin, tree.folders)
        for folder in tree.folders:
            classes.setdefault(class_name(folder, tree.origin), [])
        for place, file in tree.files.items():
            if len(place) == 1:
                passed.add("beside the folders of classes", _named(tree, place))
            else:
                classes[class_name(place[0], tree.origin)].append((place, file))
        return classes
    lines = []
    for place, file in tree.files.items():
        if place[0].split(".")[0].lower() in NO_CLASS:
            passed.add("no classes by their names", _named(tree, place))
        else:
            lines.append((place, file))
    if not lines:
        raise DataError(f"{tree.origin} has no files of texts")
    names = class_names([place[0] for place, _ in lines])
    require_classes(tree.origin, names)
    for name, line in zip(names, lines, strict=True):
        classes.setdefault(class_name(name, tree.origin), []).append(line)
    return classes


def class_names(files: Sequence[str]) -> list[str]:
    """`pos` and `neg` of `rt.pos` and `rt.neg`, else the files' names without their endings."""
    stems = [name.rpartition(".")[0] or name for name in files]
    endings = [name.rpartition(".")[2] for name in files]
    return endings if len(files) > 1 and len(set(stems)) == 1 and len(set(endings)) == len(files) else stems


def look_like_texts(tree: Tree, encoding: str) -> bool:
    """Whether there are two classes at least, whose files begin as texts; of files that are a class each, the names
    must say so: .txt, or one name with several endings. Raises DataError as `find_classes` does."""
    classes = find_classes(tree, PassedOver())
    firsts = [files[0] for files in classes.values() if files]
    if len(firsts) < 2 or len(firsts) < len(classes):
        return False
    names = [place[-1] for place, _ in firsts]
    if not tree.folders and not all(name.lower().endswith(".txt") for name in names):
        stems = {name.rpartition(".")[0] for name in names}
        if len(stems) > 1 or not stems.pop():
            return False
    return not any(_is_binary(_start(file), encoding) for _, file in firsts)


def _start(file: File) -> bytes:
    if isinstance(file, Member):
        return file.read_bytes()
    return read_bytes(file, False, LOOKED_AT) if file.stat().st_size else b""


def is_text(path: Path, encoding: str) -> bool:
    """Whether a file, unpacked where it is gzipped, begins as a text. Raises DataError where it cannot be read."""
    gzipped = read_bytes(path, False, len(GZIP)) == GZIP
    return not _is_binary(read_bytes(path, gzipped, LOOKED_AT), encoding)


def _is_binary(raw: bytes, encoding: str) -> bool:
    start = raw[:LOOKED_AT]
    wide = encoding_of(start, encoding).lower().replace("_", "-").startswith(WIDE)
    return start.startswith(DOCUMENTS) or (not wide and start.count(0) > MOST_ZEROS * len(start) + 1)


def _named(tree: Tree, place: Place) -> Place:
    return (tree.origin.name, *place)

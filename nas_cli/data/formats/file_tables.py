"""Finds tables that name files, in a folder or a zip, and which of them is which part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nas_cli.data.formats.csv_file import ENDINGS
from nas_cli.data.formats.files import require_file
from nas_cli.data.formats.folders import PassedOver, Place
from nas_cli.data.formats.named_files import NamedFiles, plain, without_dots
from nas_cli.data.formats.parts import is_only_a_part, part_of
from nas_cli.data.formats.trees import Tree, content, open_tree
from nas_cli.errors import DataError, did_you_mean


@dataclass(frozen=True)
class FileTable:
    """A table at `path` on the disk, or, with a zip `tree`, at `place` in it."""

    path: Path
    place: Place = ()
    tree: Tree | None = None

    @property
    def raw(self) -> bytes | None:
        """The content of a table in a zip; None for a table on the disk."""
        return None if self.tree is None else content(self.tree.files[self.place])

    def files(self, images: str | None) -> NamedFiles:
        """The files that the table may name: those below its folder, or below the folder `images`, which lies beside
        the table, anywhere in the zip, or at an absolute path. Raises DataError where there is no such folder."""
        if self.tree is None:
            folder = self.path.parent if images is None else self.path.parent / Path(images).expanduser()
            if not folder.is_dir():
                raise DataError(f"{folder} is no folder: images is one beside {self.path}, or an absolute path")
            return NamedFiles(folder)
        wanted = () if images is None else self.tree.inside(images)
        for above in (self.place[:-1], ()):
            base = without_dots((*above, *wanted))
            packed = {place[len(base) :]: file for place, file in self.tree.files.items() if place[: len(base)] == base}
            if packed:
                return NamedFiles(Path(self.tree.origin, *base), packed)
        folders = sorted({"/".join(place[:-1]) for place in self.tree.files if len(place) > 1})
        raise DataError(f"{self.tree.origin} has no folder '{images}'{did_you_mean(images, folders)}")


def find_file_tables(path: Path, name: str | None, passed: PassedOver, only: str = "train") -> dict[str, FileTable]:
    """part → its table. `path` is a table, a folder or a zip; a single table is the part `only`. `name` is the name of
    the tables, or their path below `path`; other tables go to `passed`. Raises DataError."""
    if not path.exists():
        raise DataError(f"there is no file or folder {path}")
    if not path.is_dir() and path.suffix.lower() != ".zip":
        require_file(path)
        return {only: FileTable(path)}
    tree = open_tree(path, passed)
    places = [place for place in tree.files if _is_table(place, path.is_dir())]
    if not places:
        raise DataError(f"{path} has no table: a CSV or TSV file that names pictures is expected")
    chosen = places if name is None else _called(path, tree, places, name)
    parts = {only: chosen[0]} if len(chosen) == 1 else _parts(path, chosen)
    if only == "train" and "train" not in parts:
        there = ", ".join(map("/".join, chosen))
        raise DataError(f"{path} has the tables {there}, and none for train by its name: say which with table")
    for place in (place for place in places if place not in parts.values()):
        passed.add("tables that are no part by their names (data.table names one)", place)
    return {part: _table(tree, place) for part, place in parts.items()}


def _called(path: Path, tree: Tree, places: list[Place], name: str) -> list[Place]:
    found = [place for place in places if _is_called(place, tree.inside(name))]
    if not found:
        raise DataError(f"{path} has no table '{name}'{did_you_mean(name, map('/'.join, places))}")
    return found


def _table(tree: Tree, place: Place) -> FileTable:
    path = Path(tree.origin, *place)
    return FileTable(path) if tree.origin.is_dir() else FileTable(path, place, tree)


def _is_table(place: Place, on_disk: bool) -> bool:
    name = place[-1].lower()
    return name.endswith(ENDINGS) and (on_disk or not name.endswith(".gz"))


def _is_called(place: Place, name: Place) -> bool:
    """Whether `name` names the table at `place`, with or without its folders and its ending."""
    wanted, found = tuple(map(plain, name)), tuple(map(plain, place))
    without = (*found[:-1], found[-1].partition(".")[0])
    return bool(wanted) and wanted in (found[-len(wanted) :], without[-len(wanted) :])


def _parts(path: Path, places: list[Place]) -> dict[str, Place]:
    """part → the place of its table, by the name of the table, else by that of a folder above it."""
    found: dict[str, list[Place]] = {}
    for place in places:
        words = [place[-1].partition(".")[0], *place[:-1]]
        part = next(filter(None, map(part_of, words)), None)
        if part is not None:
            found.setdefault(part, []).append(place)
    for part, claims in found.items():
        exact = [place for place in claims if is_only_a_part(place[-1])] or claims
        if len(exact) > 1:
            names = " and ".join(map("/".join, exact))
            raise DataError(f"{path} has {names}, and one of them can be the {part} part: say which with table")
        found[part] = exact
    return {part: claims[0] for part, claims in found.items()}

"""An export replaces what nas wrote and nothing else: the user's files, links and folders stay as they are."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from nas_cli.deliver.export.exporting import FORMATS, export
from nas_cli.deliver.export.files import MANIFEST, building, find_place, put, require_ours
from nas_cli.errors import RunError, UserError

SOURCE = FORMATS["source"].files


def write(path: Path, text: str, *, source: bool = False, settings: bool = True, force: bool = False) -> None:
    """An export with `text` in each of its files."""
    files = SOURCE if source else frozenset[str]()
    place = find_place(path, "model.onnx", files)
    require_ours(place, force)
    with building(place) as folder:
        draft = folder / "draft"
        if source:
            draft.mkdir()
        for name in files:
            (draft / name).write_text(text)
        if not source:
            draft.write_text(text)
        if settings:
            for name in ("preprocess.py", "preprocessing.json"):
                ((draft if source else folder) / name).write_text(text)
        put(place, draft, folder, {"format": "test"})


def tree(folder: Path) -> dict[str, str]:
    """Every file but the manifests."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name != MANIFEST]
    return {str(file.relative_to(folder)): file.read_text() for file in files}


@pytest.mark.parametrize("source", [False, True])
def test_the_next_export_replaces_the_one_before(tmp_path: Path, source: bool) -> None:
    path = tmp_path / ("net" if source else "a.onnx")
    write(path, "one", source=source)
    write(path, "two", source=source)
    assert set(tree(tmp_path).values()) == {"two"}
    assert not list(tmp_path.rglob(".*"))
    write(path, "three", source=source, settings=False)
    assert set(tree(tmp_path).values()) == {"three"}
    assert not list(tmp_path.rglob("preprocess*"))


@pytest.mark.parametrize("source", [False, True])
def test_what_was_changed_since_is_the_users(tmp_path: Path, source: bool) -> None:
    path = tmp_path / ("net" if source else "a.onnx")
    write(path, "one", source=source)
    for changed in [file for file in tmp_path.rglob("*") if file.is_file()]:
        before = changed.read_text()
        changed.write_text(before + " and mine")
        with pytest.raises(UserError, match="--force") as caught:
            write(path, "two", source=source)
        if changed.name != MANIFEST:
            assert changed.name in str(caught.value)
        assert changed.read_text() == before + " and mine"
        changed.write_text(before)
    write(path, "two", source=source)
    (tmp_path / tree(tmp_path).popitem()[0]).write_text("mine")
    write(path, "three", source=source, force=True)
    assert set(tree(tmp_path).values()) == {"three"}


@pytest.mark.parametrize(
    ("mine", "path", "source"),
    [
        ("a.onnx", "a.onnx", False),
        ("a.onnx.files/preprocess.py", "a.onnx", False),
        ("a.onnx.files/export.json", "a.onnx", False),
        ("a.onnx.files", "a.onnx", False),
        ("net/model.py", "net", True),
        ("net/weights.pt", "net", True),
        ("net/preprocess.py", "net", True),
        ("net/thesis.txt", "net", True),
        ("net", "net", True),
        ("a.onnx/chapter.txt", "a.onnx/model.onnx/x", False),
    ],
)
def test_the_users_files_are_named_and_kept(tmp_path: Path, mine: str, path: str, source: bool) -> None:
    (tmp_path / mine).parent.mkdir(exist_ok=True)
    (tmp_path / mine).write_text("MINE")
    if mine == "a.onnx/chapter.txt":
        (tmp_path / "a.onnx" / "model.onnx").write_text("MINE")  # a file where the parent should be
    before = tree(tmp_path)
    with pytest.raises(UserError) as caught:
        write(tmp_path / path, "ours", source=source)
    assert Path(mine).name in str(caught.value) or "model.onnx" in str(caught.value)
    assert tree(tmp_path) == before
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("force", [False, True])
def test_two_exports_in_one_folder_share_nothing(tmp_path: Path, force: bool) -> None:
    (tmp_path / "preprocess.py").write_text("MINE")
    write(tmp_path / "a.onnx", "a")
    first = tree(tmp_path)
    write(tmp_path / "b.onnx", "b", force=force)
    write(tmp_path / "a.pt2", "c", force=force)
    assert {name: text for name, text in tree(tmp_path).items() if name in first} == first
    assert (tmp_path / "preprocess.py").read_text() == "MINE"


def test_with_force_other_files_stay_beside_the_export(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "thesis.txt").write_text("MINE")
    (tmp_path / "net" / "model.py").write_text("MINE")
    write(tmp_path / "net", "ours", source=True, force=True)
    found = tree(tmp_path / "net")
    assert found.pop("thesis.txt") == "MINE"
    assert set(found.values()) == {"ours"}


@pytest.mark.parametrize("force", [False, True])
def test_links_are_never_followed(tmp_path: Path, force: bool) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("MINE")
    (tmp_path / "a.onnx").symlink_to(outside / "precious")
    (tmp_path / "b.onnx.files").symlink_to(outside)
    (tmp_path / "net").symlink_to(outside)
    (tmp_path / "gone.onnx").symlink_to(outside / "made by a link")
    for path, source in (("a.onnx", False), ("b.onnx", False), ("net", True), ("gone.onnx", False)):
        if force and path in ("a.onnx", "gone.onnx"):
            write(tmp_path / path, "ours", force=True)
            assert not (tmp_path / path).is_symlink()
        else:
            with pytest.raises(UserError):
                write(tmp_path / path, "ours", source=source, force=force)
    assert tree(outside) == {"precious": "MINE"}


def test_places_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        find_place(tmp_path, "model.onnx", frozenset())
    assert find_place(tmp_path, "net.onnx", frozenset()).path == tmp_path / "net.onnx"
    with pytest.raises(UserError, match="folder you are in"):
        find_place(Path(), "source", SOURCE)
    with pytest.raises(UserError, match="no folder for an export"):
        find_place(Path("/"), "source", SOURCE)
    (tmp_path / "device.onnx").symlink_to("/dev/null")
    for device in (Path("/dev/null"), tmp_path / "device.onnx"):
        with pytest.raises(UserError, match="a device or a pipe, which is not replaced"):
            find_place(device, "model.onnx", frozenset())
    write(tmp_path / "new" / "deep" / "a.onnx", "one")
    assert tree(tmp_path / "new" / "deep")["a.onnx"] == "one"


@pytest.mark.parametrize("source", [False, True])
def test_a_failure_at_any_step_leaves_all_as_it_was(
    tmp_path: Path, source: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ("net" if source else "a.onnx")
    steps = 0
    for fresh in (True, False):
        if not fresh:
            write(path, "one", source=source)
        before, fails = tree(tmp_path), 0
        while True:
            left = [fails]

            def full(name: str, real: Any, left: list[int] = left) -> Any:
                def act(*arguments: Any, **named: Any) -> Any:
                    if left[0] == 0:
                        left[0] = -1
                        raise OSError(errno.ENOSPC, "No space left on device")
                    left[0] -= left[0] > 0
                    return real(*arguments, **named)

                return act

            with monkeypatch.context() as patch:
                for owner, name in ((Path, "replace"), (os, "link"), (Path, "rename"), (Path, "write_text")):
                    patch.setattr(owner, name, full(name, getattr(owner, name)))
                try:
                    write(path, "two", source=source)
                    break
                except OSError:
                    pass
            assert tree(tmp_path) == before
            assert not list(tmp_path.rglob(".*"))
            require_ours(find_place(path, "", SOURCE if source else frozenset()), False)
            fails += 1
        steps += fails
        assert set(tree(tmp_path).values()) == {"two"}
        for file in tmp_path.rglob("*"):
            if file.is_file():
                file.unlink()
    assert steps > 8


def test_what_a_killed_export_left_is_taken_away(tmp_path: Path) -> None:
    process = os.fork()
    if process == 0:
        with building(find_place(tmp_path / "a.onnx", "", frozenset())) as folder:
            (folder / "half").write_text("half")
            os._exit(0)
    os.waitpid(process, 0)
    assert len(list(tmp_path.iterdir())) == 1
    (tmp_path / ".a.onnx.mine.tmp").mkdir()
    write(tmp_path / "a.onnx", "one")
    assert sorted(item.name for item in tmp_path.iterdir()) == [".a.onnx.mine.tmp", "a.onnx", "a.onnx.files"]


@pytest.mark.parametrize("form", FORMATS)
def test_names_that_are_no_utf8(plain_run: Path, tmp_path: Path, form: str) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    run = plain_run.rename(folder.with_name(folder.name))
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/n\xff.onnx"))
    for _ in range(2):
        assert export(run, form)["samples"] > 0
        assert export(run, form, path)["path"] == str(path)
    assert path.exists()


def test_exports_of_a_run(plain_run: Path, tmp_path: Path) -> None:
    run = plain_run
    result = export(run, "source", tmp_path / "handed over")
    export(run, "source", tmp_path / "handed over")
    assert sorted(item.name for item in (tmp_path / "handed over").iterdir()) == [
        "export.json",
        "model.py",
        "weights.pt",
    ]
    assert json.loads((tmp_path / "handed over" / "export.json").read_text())["labels"] == list("0123456789")
    assert (result["samples"], result["compared_on"]) == (64, "validation samples that the run keeps")
    outside = tmp_path / "outside"
    outside.mkdir()
    (run / "export").symlink_to(outside)
    with pytest.raises(RunError, match="link"):
        export(run, "onnx")
    assert not list(outside.iterdir())

"""The rooms hold to the design: who may import whom, no circles, how long a file is, what loads without torch."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "nas_cli"
BASE = {
    "axes",
    "errors",
    "arguments",
    "registry",
    "trial",
    "plugins",
    "units",
    "words",
    "yaml_text",
    "files",
    "figures",
    "paths",
    "seeds",
}
MAY_IMPORT = {
    "axes": set(),
    "errors": {"words"},
    "arguments": {"errors", "paths"},
    "registry": {"errors", "arguments", "plugins"},
    "trial": set(),
    "units": {"arguments"},
    "plugins": {"errors"},
    "words": set(),
    "yaml_text": {"words"},
    "files": {"words"},
    "figures": set(),
    "paths": set(),
    "seeds": set(),
    "torch_tuning": BASE,
    "spec": BASE,
    "space": BASE,
    "search": BASE | {"space"},
    "model": BASE | {"space", "torch_tuning"},
    "data": BASE | {"model"},
    "task": BASE | {"model", "data", "space"},
    "train": BASE | {"task", "data", "model", "space", "torch_tuning"},
    "execute": BASE | {"train", "task", "data", "model", "space"},
    "record": BASE | {"search", "spec"},
    "run": BASE | {"record", "execute", "train", "task", "data", "model", "search", "space", "spec"},
    "describe": BASE | {"run", "record", "execute", "train", "task", "data", "model", "search", "space", "spec"},
    "deliver": BASE | {"record", "execute", "train", "task", "data", "model", "space", "spec", "torch_tuning"},
    "cli": BASE | {"spec", "record", "run", "describe", "deliver"},
    "__main__": {"cli"},
    "testing": BASE | {"record", "train", "task", "data", "model", "search", "space"},
    "api": BASE | {"spec", "record", "run", "deliver"},
}
"""The table of the design. `cli` shows spaces, ops and schemas through `describe`."""
WINGS = {
    "data/formats": set(),
    "data/kinds": {"data/formats"},
    "data/sources": {"data/formats", "data/kinds"},
    "data/asking": {"data/formats", "data/kinds", "data/sources"},
    "search/strategies": set(),
    "search/schedulers": set(),
    "deliver/export": set(),
    "deliver/report": set(),
}
"""Which other wings of its room each wing may import; the files of the room itself, any may."""
ONLY_IN = {"rich": {"cli"}, "jinja2": {"deliver"}, "typer": {"cli"}, "onnx": {"deliver"}, "onnxruntime": {"deliver"}}
NEVER_IN = {"torch": {"axes", "errors", "arguments", "registry", "trial", "units", "spec", "space", "cli"}}
TYPES_ONLY = {"plugins"}
"""What they import for type checkers alone, no room need allow: a plugin's author asks there for any decorator."""
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION, MOST_PATHS = 320, 60, 15
"""Lines of a file, lines of a function without its docstring, and its cyclomatic complexity."""
WALKS = {"space/walk.py": {"layer"}, "space/size.py": {"_layer"}, "space/nodes.py": {"_label", "to_yaml"}}
"""One `match` over every kind of layer: they may have a higher complexity."""


def room(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def wing(path: Path) -> str:
    """`data/kinds`, or "" of a file that stands in no wing."""
    return "/".join(path.relative_to(PACKAGE).parts[:-1])


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All that runs: what stands under `if TYPE_CHECKING` is left out, and what functions hold is in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from statements(other)
            continue
        yield child
        yield from statements(child)


def imports(path: Path) -> set[str]:
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in statements(tree) if room(path) in TYPES_ONLY else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            assert node.module is not None
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "nas_cli" and here != "__init__":
            other = rest.split(".")[0] or "__version__"
            assert other in MAY_IMPORT[here] | {here, "__version__"}, f"{here} may not import {name}"
            if here == "record" and other == "search":
                assert rest.split(".")[1] in ("front", "objective"), f"record may not import {name}"
        if top in ONLY_IN:
            assert here in ONLY_IN[top], f"only {ONLY_IN[top]} may import {top}"
        assert here not in NEVER_IN.get(top, set()), f"{here} may not import {top}"
        if top == "torch" and here == "search":
            assert path.name == "reinforce.py"


@pytest.mark.parametrize("path", [path for path in FILES if wing(path) in WINGS], ids=lambda path: path.stem)
def test_wings_import_one_way(path: Path) -> None:
    here = wing(path)
    for name in sorted(imports(path)):
        other = "/".join(name.split(".")[1:3])
        if other in WINGS:
            assert other in WINGS[here] | {here}, f"{here} may not import {name}"


def files_imported(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """The modules of `sources` (name to text) that each of them imports, at its top or inside a function."""
    graph: dict[str, set[str]] = {}
    for module, text in sources.items():
        names = set()
        for node in statements(ast.parse(text)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                of_a_package = {f"{node.module}.{alias.name}" for alias in node.names} & set(sources)
                names |= of_a_package or {str(node.module)}
        graph[module] = (names & set(sources)) - {module}
    return graph


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """The modules of one circle, in the order of their imports; [] where there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_file_imports_itself_through_others() -> None:
    sources = {}
    for path in FILES:
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        sources[module] = path.read_text(encoding="utf-8")
    graph = files_imported(sources)
    assert sum(map(len, graph.values())) > len(sources)
    assert circle(graph) == []


@pytest.mark.parametrize(
    ("back", "found"),
    [
        ("from house import first", True),
        ("import house.first", True),
        ("from house.first import door", True),
        ("def later():\n    from house.first import door", True),
        ("if True:\n    pass\nelse:\n    import house.first", True),
        ("if TYPE_CHECKING:\n    from house.first import door", False),
        ("if typing.TYPE_CHECKING:\n    import typing\nelse:\n    import house.first", True),
        ("from elsewhere.first import door", False),
    ],
)
def test_circles_are_found(back: str, found: bool) -> None:
    sources = {"house.first": "import house.second", "house.second": "from house import third", "house.third": back}
    one = circle(files_imported(sources))
    assert bool(one) == found
    if found:
        assert set(one) == set(sources)
        assert one[0] == one[-1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        assert docstring.end_lineno is not None
        lines -= docstring.end_lineno - docstring.lineno + 1
    return lines


def paths_of(function: ast.AST) -> int:
    """The cyclomatic complexity as radon counts it: `and`, `or`, comprehensions and inner functions too."""
    paths = 1
    for node in ast.walk(function):
        if isinstance(node, ast.If | ast.IfExp | ast.For | ast.While | ast.ExceptHandler | ast.match_case):
            paths += 1
        elif isinstance(node, ast.BoolOp):
            paths += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            paths += 1 + len(node.ifs)
    return paths


def conditions_in_comprehensions(tree: ast.AST) -> set[int]:
    """The lines of comprehensions that hold an `a if b else c`."""
    comprehensions = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    return {
        found.lineno
        for found in ast.walk(tree)
        if isinstance(found, comprehensions)
        for inner in ast.walk(found)
        if isinstance(inner, ast.IfExp)
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_functions_stay_short_and_lines_do_one_thing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [f.name for f in functions if lines_of(f) > LONGEST_FUNCTION] == []
    walks = WALKS.get(path.relative_to(PACKAGE).as_posix(), set())
    assert [f.name for f in functions if paths_of(f) > MOST_PATHS and f.name not in walks] == []
    assert conditions_in_comprehensions(tree) == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a if a else b for a in c]", True),
        ("{a: (1 if a else 2) for a in c}", True),
        ("sum(a for a in (b if b else c))", True),
        ("[a for a in c if a]", False),
        ("[a for a in c] if c else b", False),
    ],
)
def test_conditions_in_comprehensions_are_found(text: str, found: bool) -> None:
    assert bool(conditions_in_comprehensions(ast.parse(text))) == found


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ("return 1", 1),
        ("return a if b or c else d", 3),
        ("return [a for a in b if a if c]", 4),
        ("for a in b:\n        if a: return 1", 3),
        ("try: a()\n    except KeyError: pass\n    while b: c()", 3),
    ],
)
def test_paths_are_counted(body: str, paths: int) -> None:
    assert paths_of(ast.parse(f"def f():\n    {body}")) == paths


def test_a_docstring_makes_no_function_long() -> None:
    function = ast.parse('def f():\n    """One\n\n    Two."""\n    return 1').body[0]
    assert isinstance(function, ast.FunctionDef)
    assert lines_of(function) == 2


def test_help_loads_no_torch() -> None:
    slow = "{'torch', 'onnx', 'sklearn', 'numpy', 'jinja2'}"
    code = f"import sys, nas_cli, nas_cli.cli.app; print(sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

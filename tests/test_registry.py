"""Names, arguments and what a wrong one is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from nas_cli.arguments import Between, Channels, Fraction, Matching, PositiveInt, Size, check, relative_channels
from nas_cli.errors import SpecError
from nas_cli.registry import Registry, checked


def make() -> Registry[Any]:
    registry: Registry[Any] = Registry("gadget", supplied=1)

    @registry.register("saw")
    def saw(material: object, teeth: PositiveInt, speed: Annotated[float, Between(0)] = 1.5) -> None:
        """Cuts.

        More."""

    @registry.register("glue")
    def glue(material: object) -> None: ...

    return registry


def test_arguments_are_read_from_the_signature() -> None:
    registry = make()
    assert registry.parse({"saw": {"teeth": 3}}) == ("saw", {"teeth": 3, "speed": 1.5})
    assert registry.parse({"saw": 7}) == ("saw", {"teeth": 7, "speed": 1.5})
    assert registry.parse("glue") == ("glue", {})
    assert registry.describe("saw") == "Cuts."
    assert list(registry) == ["glue", "saw"]


@pytest.mark.parametrize(
    ("raw", "message", "path"),
    [
        ("sow", "unknown gadget 'sow'; did you mean 'saw'?", ()),
        ("saw", "gadget 'saw' needs teeth", ("saw",)),
        ({"saw": {"teath": 3}}, "no argument 'teath'; did you mean 'teeth'?", ("saw", "teath")),
        ({"saw": {"teeth": 0}}, "teeth takes a whole number of at least 1; got 0", ("saw", "teeth")),
        ({"saw": {"teeth": 2, "speed": "fast"}}, "speed takes a number of at least 0; got 'fast'", ("saw", "speed")),
        ({"glue": 3}, "gadget 'glue' takes no arguments", ("glue",)),
        ({"saw": 1, "glue": 2}, "2 keys are given", ()),
        (3, "a gadget is expected here", ()),
    ],
)
def test_wrong_components(raw: Any, message: str, path: tuple[Any, ...]) -> None:
    with pytest.raises(SpecError) as caught:
        make().parse(raw)
    assert message in caught.value.message
    assert caught.value.path == path


def test_a_name_is_registered_once() -> None:
    registry = make()
    with pytest.raises(SpecError, match="registered twice"):
        registry.register("saw")(lambda material: None)


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (float, 3, 3.0),
        (Channels, "x0.5", "x0.5"),
        (Channels, "same", "same"),
        (Size, [3, 5], (3, 5)),
        (Path, "a/b", Path("a/b")),
        (int | None, None, None),
        (Literal["a", "b"], "b", "b"),
        (tuple[int, ...], [1, 2, 3], (1, 2, 3)),
        (list[float], [1, 2.5], [1.0, 2.5]),
        (Annotated[int, Between(0, 2**63 - 1)], 2**62, 2**62),
        (Annotated[int | None, Between(1)], None, None),
        (Annotated[int | None, Between(1)], 3, 3),
        (Annotated[PositiveInt, Between(0, 8)], 8, 8),
        (Annotated[str, Matching("[a-z]+", "small letters")], "ab", "ab"),
        (dict[str, PositiveInt], {"a": 1}, {"a": 1}),
    ],
)
def test_values_that_fit(annotation: Any, value: Any, expected: Any) -> None:
    result = check(annotation, value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "value", "rule"),
    [
        (int, True, "a whole number"),
        (int, 1.0, "a whole number"),
        (float, float("nan"), "a finite number"),
        (bool, 1, "true or false"),
        (Channels, "y2", "'same' or a factor such as 'x2'"),
        (Channels, "x-1", "factor"),
        (Channels, "xinf", "factor"),
        (Size, [3], "a list of 2 values"),
        (Fraction, 1.5, "from 0 to 1"),
        (Literal["add", "concat"], "ad", "did you mean 'add'"),
        (Literal[1, 2], True, "one of 1, 2"),
        (str, 3, "a text"),
        (PositiveInt, 10**13, "^a whole number from 1 to 1,000,000,000,000$"),
        (Annotated[float, Between(0, 1)], float("inf"), "^a finite number from 0 to 1$"),
        (Annotated[int | None, Between(1)], 0, "^a whole number of at least 1$"),
        (Annotated[PositiveInt, Between(0, 8)], 0, "^a whole number from 1 to 8$"),
        (Annotated[PositiveInt, Between(0, 8)], 9, "^a whole number from 1 to 8$"),
        (Annotated[str, Matching("[a-z]+", "small letters")], "aB", "^small letters$"),
        (Literal["auto"] | int, "auto ", "^auto or a whole number; did you mean 'auto'\\?$"),
        (list[int], "12", "^a list$"),
        (dict[str, int], [1], "^a mapping$"),
    ],
)
def test_values_that_do_not_fit(annotation: Any, value: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        check(annotation, value)


@pytest.mark.parametrize(
    ("annotation", "value", "said", "path"),
    [
        (Size, [3, 0], "x[1] takes a whole number from 1 to 1,000,000; got 0", ("at", 1)),
        (Size, [3], "x takes a whole number from 1 to 1,000,000 or a list of 2 values; got [3]", ("at",)),
        (Literal["auto"] | tuple[float, float], [0, "a"], "x[1] takes a number; got 'a'", ("at", 1)),
        (list[list[int]], [[1], [2, True]], "x[1][1] takes a whole number; got true", ("at", 1, 1)),
        (dict[str, Fraction], {"a": 1, "b": 2}, "x.b takes a number from 0 to 1; got 2", ("at", "b")),
        (list[str] | list[int], [1, "a"], "x[0] takes a text; got 1", ("at", 0)),
    ],
)
def test_the_item_that_is_wrong_is_named(annotation: Any, value: Any, said: str, path: tuple[Any, ...]) -> None:
    with pytest.raises(SpecError) as caught:
        checked(annotation, value, ("at",), "x")
    assert (caught.value.message, caught.value.path) == (said, path)


def test_relative_channels() -> None:
    assert [relative_channels(v, 12) for v in (5, "same", "x2", "x0.5", "x0.01")] == [5, 12, 24, 6, 1]

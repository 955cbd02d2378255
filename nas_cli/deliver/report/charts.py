"""Plots as lists of shapes with positions in pixels. parts.html draws them, and style.css colours them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nas_cli.figures import tick

Scale = Callable[[float], float]
Point = tuple[float, float]
WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 40
SMALLEST = 1e-300
"""Least distance between two ticks; smaller powers of ten are no normal floats."""


@dataclass(frozen=True)
class Text:
    """`kind` is a class of style.css: "name" is right-aligned at (x, y), "middle" and "count" are centred there."""

    text: str
    x: float
    y: float
    kind: str = "start"
    turned: int = 0
    """Degrees, clockwise."""


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    title: str
    radius: float = 3.5
    kind: str = "dot"


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    title: str
    kind: str
    opacity: float = 1.0


@dataclass(frozen=True)
class GridLine:
    left: float
    right: float
    y: float


@dataclass(frozen=True)
class Chart:
    """The shapes of a plot of `width` times `height` pixels; fields are drawn in their order, later ones on top."""

    width: float
    height: float
    title: str
    grid: Sequence[GridLine] = ()
    boxes: Sequence[Box] = ()
    lines: Sequence[Sequence[Point]] = ()
    dots: Sequence[Dot] = ()
    texts: Sequence[Text] = ()


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers from `low` to `high`."""
    if high <= low:
        return [low]
    raw = (high - low) / count
    if raw < SMALLEST:
        return [low]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first = math.ceil(low / step - 1e-9) * step
    return [first + i * step for i in range(int((high - first) / step + 1e-9) + 1)]


def progress(points: Sequence[tuple[int, float, bool]], y_name: str, minimised: bool = False) -> Chart:
    """The objective of each measured trial, (number, value, feasible), with the best so far as a line."""
    values = [value for _, value, _ in points]
    last = max(max(number for number, _, _ in points), 1)
    x = _scale(0, last, LEFT, WIDTH - RIGHT)
    y = _scale(*_padded(values), HEIGHT - BOTTOM, TOP)
    whole = [tick for tick in ticks(0, last, 8) if tick == int(tick)]
    grid, texts = _frame(ticks(*_padded(values)), y, whole, x, "trial", y_name)
    best = _best_so_far(sorted(points), last, minimised)
    line = [(x(number), y(value)) for number, value in best]
    dots = []
    for number, value, kept in points:
        title = f"trial {number}: {value:.5g}"
        if kept:
            dots.append(Dot(x(number), y(value), title))
        else:
            dots.append(Dot(x(number), y(value), f"{title}, breaks a constraint", kind="dot broken"))
    return Chart(WIDTH, HEIGHT, f"{y_name} of each trial, and the best so far", grid, (), (line,), dots, texts)


def _best_so_far(points: Sequence[tuple[int, float, bool]], last: int, minimised: bool) -> list[Point]:
    """The corners (trial, value) of the step line of the best value so far, up to the trial `last`."""
    best: float | None = None
    corners: list[Point] = []
    for number, value, kept in points:
        better = best is None or (value < best if minimised else value > best)
        if not kept or not better:
            continue
        if best is not None:
            corners.append((number, best))
        best = value
        corners.append((number, best))
    return corners if best is None else [*corners, (last, best)]


def scatter(points: Sequence[tuple[int, float, float]], x_name: str, y_name: str, marked: Mapping[int, str]) -> Chart:
    """A Pareto front: (trial, x, y) as dots with a line through them; trials in `marked` are larger and labelled."""
    xs, ys = [x for _, x, _ in points], [y for _, _, y in points]
    x = _scale(*_padded(xs), LEFT, WIDTH - RIGHT)
    y = _scale(*_padded(ys), HEIGHT - BOTTOM, TOP)
    grid, texts = _frame(ticks(*_padded(ys)), y, ticks(*_padded(xs), 8), x, x_name, y_name)
    line = [(x(px), y(py)) for _, px, py in sorted(points, key=lambda point: point[1])]
    dots = []
    for trial, px, py in points:
        title = f"trial {trial}: {y_name} {py:.5g}, {x_name} {px:.5g}"
        dots.append(Dot(x(px), y(py), title, radius=5 if trial in marked else 3.5))
        if trial in marked:
            texts.append(_beside(x(px), y(py), f"trial {trial}, {marked[trial]}"))
    return Chart(WIDTH, HEIGHT, f"{y_name} against {x_name} of the Pareto front", grid, (), (line,), dots, texts)


def curves(lines: Mapping[str, Sequence[Point]], x_name: str, y_name: str, title: str) -> Chart:
    """Lines through points (x, y), each with its name at its last point."""
    points = [point for line in lines.values() for point in line]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x = _scale(*_padded(xs), LEFT, WIDTH - RIGHT)
    y = _scale(*_padded(ys), HEIGHT - BOTTOM, TOP)
    grid, texts = _frame(ticks(*_padded(ys)), y, ticks(*_padded(xs), 8), x, x_name, y_name)
    drawn = []
    for name, line in lines.items():
        drawn.append([(x(px), y(py)) for px, py in line])
        texts.append(_beside(*drawn[-1][-1], name))
    return Chart(WIDTH, HEIGHT, title, grid, (), drawn, (), texts)


def _beside(x: float, y: float, text: str) -> Text:
    """`text` beside (x, y), on the side of the plot's middle, where there is room."""
    if x > WIDTH / 2:
        return Text(text, x - 8, y + 14, "name")
    return Text(text, x + 8, y + 14)


def bars(items: Sequence[tuple[str, float]]) -> Chart:
    """Horizontal bars for shares in 0..1, with their names on the left."""
    names = [_short(name, 62) for name, _ in items]
    label = min(430, max(120, int(6.7 * max(map(len, names))) + 12))
    row = 24
    x = _scale(0, max(value for _, value in items), 0, WIDTH - label - 70)
    boxes, texts = [], []
    for index, (name, value) in enumerate(items):
        top = index * row + 4
        texts.append(Text(names[index], label - 8, top + 12, "name"))
        boxes.append(Box(label, top, max(1.0, x(value)), 15, name, "bar"))
        texts.append(Text(f"{100 * value:.0f} %", label + x(value) + 6, top + 12))
    title = "share of the reward's variance explained by each decision"
    return Chart(WIDTH, row * len(items) + 8, title, boxes=boxes, texts=texts)


def confusion(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> Chart:
    """A heat map: rows are true classes, columns predicted classes; the opacity is the share of the row."""
    count = len(labels)
    side = max(16, min(44, 620 // count))
    names = [_short(name, 24) for name in labels]
    label = min(200, 14 + 7 * max(map(len, names)))
    boxes, texts = [], []
    for i, row in enumerate(matrix):
        texts.append(Text(names[i], label - 6, i * side + side / 2 + 4, "name"))
        for j, number in enumerate(row):
            box = _cell(row, i, j, side, label, labels)
            boxes.append(box)
            if number and side >= 22:
                kind = "count strong" if box.opacity > 0.55 else "count"
                texts.append(Text(str(number), box.x + side / 2, box.y + side / 2 + 4, kind))
    bottom = count * side
    for j, name in enumerate(names):
        texts.append(Text(name, label + j * side + side / 2 + 4, bottom + 8, "name", turned=-60))
    return Chart(label + bottom + 4, bottom + label + 4, "confusion matrix", boxes=boxes, texts=texts)


def _cell(row: Sequence[int], i: int, j: int, side: int, label: int, labels: Sequence[str]) -> Box:
    number, total = row[j], sum(row)
    opacity = 0.0 if number == 0 else 0.12 + 0.88 * number / (total or 1)
    title = f"{_short(labels[i], 100)} taken for {_short(labels[j], 100)}: {number} of {total}"
    kind = "cell right" if i == j else "cell wrong"
    return Box(label + j * side, i * side, side - 1, side - 1, title, kind, opacity)


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = 0.06 * (high - low) or 0.02 * abs(high) or 0.01
    return low - pad, high + pad


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _scale(low: float, high: float, start: float, end: float) -> Scale:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _frame(
    ys: Sequence[float], y: Scale, xs: Sequence[float], x: Scale, x_name: str, y_name: str
) -> tuple[list[GridLine], list[Text]]:
    """Grid lines at the ticks of y, and the labels of all ticks and of both axes."""
    grid = [GridLine(LEFT, WIDTH - RIGHT, y(value)) for value in ys]
    texts = [Text(f"{value:.4g}", LEFT - 8, y(value) + 4, "name") for value in ys]
    texts += [Text(tick(value), x(value), HEIGHT - BOTTOM + 18, "middle") for value in xs]
    across, down = (LEFT + WIDTH - RIGHT) / 2, (HEIGHT - BOTTOM + TOP) / 2
    texts.append(Text(_short(x_name, 60), across, HEIGHT - 4, "middle"))
    texts.append(Text(_short(y_name, 36), 12, down, "middle", turned=-90))
    return grid, texts

"""Plots as inline SVG, with colours from the page's own style so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from nas_cli.deliver.report.elements import Element, element
from nas_cli.figures import tick

Scale = Callable[[float], float]
WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 40
SMALLEST = 1e-300
"""Between two ticks; powers of ten end below it."""


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers that cover low to high, about `count` of them."""
    if high <= low:
        return [low]
    raw = (high - low) / count
    if raw < SMALLEST:
        return [low]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first = math.ceil(low / step - 1e-9) * step
    return [first + i * step for i in range(int((high - first) / step + 1e-9) + 1)]


def progress(points: Sequence[tuple[int, float, bool]], y_name: str, minimised: bool = False) -> Element:
    """The objective of each measured trial, (number, value, keeps the constraints), with the best so far as a line."""
    values = [value for _, value, _ in points]
    low, high = _padded(values)
    last = max(max(number for number, _, _ in points), 1)
    x = _scale(0, last, LEFT, WIDTH - RIGHT)
    y = _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = _frame(ticks(low, high), y, [t for t in ticks(0, last, 8) if t == int(t)], x, "trial", y_name)
    parts += _best_so_far(sorted(points), x, y, last, minimised)
    for number, value, kept in points:
        title = f"trial {number}: {value:.5g}" + ("" if kept else ", breaks a constraint")
        parts.append(_dot(x(number), y(value), 3.5, title, "dot" if kept else "dot broken"))
    return _svg(WIDTH, HEIGHT, parts, f"{y_name} of each trial, and the best so far")


def _best_so_far(
    points: Sequence[tuple[int, float, bool]], x: Scale, y: Scale, last: int, minimised: bool
) -> list[Element]:
    best: float | None = None
    line: list[tuple[float, float]] = []
    for number, value, kept in points:
        if kept and (best is None or (value < best if minimised else value > best)):
            line += [(x(number), y(best))] if best is not None else []
            best = value
            line.append((x(number), y(best)))
    if best is None:
        return []
    return [_line([*line, (x(last), y(best))])]


def scatter(points: Sequence[tuple[int, float, float]], x_name: str, y_name: str, marked: Mapping[int, str]) -> Element:
    """A front: (trial, x, y) as dots with a line through them; the trials in `marked` are larger, and named by it."""
    xs, ys = [x for _, x, _ in points], [y for _, _, y in points]
    x = _scale(*_padded(xs), LEFT, WIDTH - RIGHT)
    y = _scale(*_padded(ys), HEIGHT - BOTTOM, TOP)
    parts = _frame(ticks(*_padded(ys)), y, ticks(*_padded(xs), 8), x, x_name, y_name)
    parts.append(_line([(x(px), y(py)) for _, px, py in sorted(points, key=lambda point: point[1])]))
    for trial, px, py in points:
        title = f"trial {trial}: {y_name} {py:.5g}, {x_name} {px:.5g}"
        parts.append(_dot(x(px), y(py), 5 if trial in marked else 3.5, title, "dot"))
        if trial in marked:
            # Towards the middle, where there is room.
            side, gap = ("end", -8) if x(px) > WIDTH / 2 else ("start", 8)
            name = f"trial {trial}, {marked[trial]}"
            parts.append(element("text", name, x=x(px) + gap, y=y(py) + 14, text_anchor=side))
    return _svg(WIDTH, HEIGHT, parts, f"{y_name} against {x_name} of the Pareto front")


def bars(items: Sequence[tuple[str, float]]) -> Element:
    """Horizontal bars of shares in 0..1, their names on the left."""
    label = min(430, max(120, int(6.7 * max(len(_short(name, 62)) for name, _ in items)) + 12))
    row = 24
    x = _scale(0, max(value for _, value in items), 0, WIDTH - label - 70)
    parts = []
    for index, (name, value) in enumerate(items):
        top = index * row + 4
        parts.append(element("text", _short(name, 62), class_="name", x=label - 8, y=top + 12))
        parts.append(element("rect", class_="bar", x=label, y=top, width=max(1.0, x(value)), height=15, rx=2))
        parts.append(element("text", f"{100 * value:.0f} %", x=label + x(value) + 6, y=top + 12))
    return _svg(WIDTH, row * len(items) + 8, parts, "share of the reward's variance explained by each decision")


def confusion(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> Element:
    """A heat map: rows are true classes, columns predicted ones; shade is the share of the row."""
    count = len(labels)
    side = max(16, min(44, 620 // count))
    label = min(200, 14 + 7 * max(len(_short(name, 24)) for name in labels))
    parts = []
    for i, row in enumerate(matrix):
        parts.append(element("text", _short(labels[i], 24), class_="name", x=label - 6, y=i * side + side / 2 + 4))
        for j in range(len(row)):
            parts += _cell(row, i, j, side, label, labels)
    bottom = count * side
    for j, text in enumerate(labels):
        place = f"translate({label + j * side + side / 2 + 4:.0f},{bottom + 8}) rotate(-60)"
        parts.append(element("text", _short(text, 24), class_="name", transform=place))
    return _svg(label + count * side + 4, bottom + label + 4, parts, "confusion matrix")


def _cell(row: Sequence[int], i: int, j: int, side: int, label: int, labels: Sequence[str]) -> list[Element]:
    number, total = row[j], sum(row)
    opacity = 0.0 if number == 0 else 0.12 + 0.88 * number / (total or 1)
    title = element("title", f"{_short(labels[i], 100)} taken for {_short(labels[j], 100)}: {number} of {total}")
    kind = "cell right" if i == j else "cell wrong"
    x, y = label + j * side, i * side
    parts = [
        element("rect", title, class_=kind, x=x, y=y, width=side - 1, height=side - 1, fill_opacity=opacity),
    ]
    if number and side >= 22:
        shade = "count strong" if opacity > 0.55 else "count"
        parts.append(element("text", number, class_=shade, x=x + side / 2, y=y + side / 2 + 4))
    return parts


def _dot(x: float, y: float, radius: float, title: str, kind: str) -> Element:
    return element("circle", element("title", title), class_=kind, cx=x, cy=y, r=radius)


def _line(points: Sequence[tuple[float, float]]) -> Element:
    return element("polyline", class_="best", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points))


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = 0.06 * (high - low) or 0.02 * abs(high) or 0.01
    return low - pad, high + pad


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _scale(low: float, high: float, start: float, end: float) -> Scale:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _frame(ys: Sequence[float], y: Scale, xs: Sequence[float], x: Scale, x_name: str, y_name: str) -> list[Element]:
    parts = []
    for value in ys:
        parts.append(element("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y(value), y2=y(value)))
        parts.append(element("text", f"{value:.4g}", class_="name", x=LEFT - 8, y=y(value) + 4))
    for value in xs:
        parts.append(element("text", tick(value), class_="middle", x=x(value), y=HEIGHT - BOTTOM + 18))
    across, down = (LEFT + WIDTH - RIGHT) / 2, (HEIGHT - BOTTOM + TOP) / 2
    parts.append(element("text", _short(x_name, 60), class_="middle", x=across, y=HEIGHT - 4))
    turned = f"translate(12,{down:.0f}) rotate(-90)"
    parts.append(element("text", _short(y_name, 36), class_="middle", transform=turned))
    return parts


def _svg(width: float, height: float, parts: Sequence[Element], title: str) -> Element:
    box = f"0 0 {width:.0f} {height:.0f}"
    return element("svg", *parts, viewBox=box, style=f"max-width:{width:.0f}px", role="img", aria_label=title)

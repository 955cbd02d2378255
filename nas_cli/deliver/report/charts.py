"""Plots as inline SVG, with colours from the page's own style so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 40


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers that cover low to high, about `count` of them."""
    if high <= low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first = math.ceil(low / step - 1e-9) * step
    return [first + i * step for i in range(int((high - first) / step + 1e-9) + 1)]


def progress(points: Sequence[tuple[int, float, bool]], y_name: str) -> str:
    """Reward of each measured trial, (number, value, keeps the constraints), with the best so far as a line."""
    values = [value for _, value, _ in points]
    low, high = _padded(values)
    last = max(max(number for number, _, _ in points), 1)
    x = _scale(0, last, LEFT, WIDTH - RIGHT)
    y = _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [_frame(ticks(low, high), y, [t for t in ticks(0, last, 8) if t == int(t)], x, "trial", y_name)]
    best = -math.inf
    line: list[str] = []
    for number, value, kept in sorted(points):
        if kept and value > best:
            line += [f"{x(number):.1f},{y(best):.1f}"] if line else []
            best = value
            line.append(f"{x(number):.1f},{y(best):.1f}")
    if line:
        line.append(f"{x(last):.1f},{y(best):.1f}")
        parts.append(f'<polyline class="best" points="{" ".join(line)}"/>')
    for number, value, kept in points:
        shape = "dot" if kept else "dot broken"
        title = f"trial {number}: {value:.5g}" + ("" if kept else ", breaks a constraint")
        parts.append(
            f'<circle class="{shape}" cx="{x(number):.1f}" cy="{y(value):.1f}" r="3.5">'
            f"<title>{escape(title)}</title></circle>"
        )
    return _svg(WIDTH, HEIGHT, parts, f"{y_name} of each trial, and the best so far")


def scatter(points: Sequence[tuple[int, float, float]], x_name: str, y_name: str, marked: int | None) -> str:
    """A front: (trial, x, y) as dots with a line through them; the trial `marked` is filled and named."""
    xs, ys = [x for _, x, _ in points], [y for _, _, y in points]
    x = _scale(*_padded(xs), LEFT, WIDTH - RIGHT)
    y = _scale(*_padded(ys), HEIGHT - BOTTOM, TOP)
    parts = [_frame(ticks(*_padded(ys)), y, ticks(*_padded(xs), 8), x, x_name, y_name)]
    line = " ".join(f"{x(px):.1f},{y(py):.1f}" for _, px, py in sorted(points, key=lambda point: point[1]))
    parts.append(f'<polyline class="best" points="{line}"/>')
    for trial, px, py in points:
        title = f"trial {trial}: {y_name} {py:.5g}, {x_name} {px:.5g}"
        parts.append(
            f'<circle class="dot" cx="{x(px):.1f}" cy="{y(py):.1f}" r="{5 if trial == marked else 3.5}">'
            f"<title>{escape(title)}</title></circle>"
        )
        if trial == marked:
            # Towards the middle, where there is room.
            side, gap = ("end", -8) if x(px) > WIDTH / 2 else ("start", 8)
            place = f'x="{x(px) + gap:.1f}" y="{y(py) + 14:.1f}" text-anchor="{side}"'
            parts.append(f"<text {place}>trial {trial}, the knee</text>")
    return _svg(WIDTH, HEIGHT, parts, f"{y_name} against {x_name} of the Pareto front")


def bars(items: Sequence[tuple[str, float]]) -> str:
    """Horizontal bars of shares in 0..1, their names on the left."""
    label = min(430, max(120, int(6.7 * max(len(name) for name, _ in items)) + 12))
    row = 24
    x = _scale(0, max(value for _, value in items), 0, WIDTH - label - 70)
    parts = []
    for index, (name, value) in enumerate(items):
        top = index * row + 4
        parts.append(f'<text class="name" x="{label - 8}" y="{top + 12}">{escape(_short(name, 62))}</text>')
        parts.append(f'<rect class="bar" x="{label}" y="{top}" width="{max(1.0, x(value)):.1f}" height="15" rx="2"/>')
        parts.append(f'<text x="{label + x(value) + 6:.1f}" y="{top + 12}">{100 * value:.0f} %</text>')
    return _svg(WIDTH, row * len(items) + 8, parts, "share of the reward's variance explained by each decision")


def confusion(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    """A heat map: rows are true classes, columns predicted ones; shade is the share of the row."""
    count = len(labels)
    side = max(16, min(44, 620 // count))
    label = min(200, 14 + 7 * max(len(_short(name, 24)) for name in labels))
    parts = []
    for i, row in enumerate(matrix):
        total = sum(row) or 1
        name = escape(_short(labels[i], 24))
        parts.append(f'<text class="name" x="{label - 6}" y="{i * side + side / 2 + 4:.0f}">{name}</text>')
        for j, number in enumerate(row):
            share = number / total
            kind = "right" if i == j else "wrong"
            title = f"{labels[i]} taken for {labels[j]}: {number} of {sum(row)}"
            opacity = 0.0 if number == 0 else 0.12 + 0.88 * share
            parts.append(
                f'<rect class="cell {kind}" x="{label + j * side}" y="{i * side}" width="{side - 1}" '
                f'height="{side - 1}" fill-opacity="{opacity:.3f}"><title>{escape(title)}</title></rect>'
            )
            if number and side >= 22:
                shade = " strong" if opacity > 0.55 else ""
                parts.append(
                    f'<text class="count{shade}" x="{label + j * side + side / 2:.0f}" '
                    f'y="{i * side + side / 2 + 4:.0f}">{number}</text>'
                )
    bottom = count * side
    for j, text in enumerate(labels):
        place = f"translate({label + j * side + side / 2 + 4:.0f},{bottom + 8}) rotate(-60)"
        parts.append(f'<text class="name" transform="{place}">{escape(_short(text, 24))}</text>')
    return _svg(label + count * side + 4, bottom + label + 4, parts, "confusion matrix")


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = 0.06 * (high - low) or 0.02 * abs(high) or 0.01
    return low - pad, high + pad


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _frame(
    ys: Sequence[float],
    y: Callable[[float], float],
    xs: Sequence[float],
    x: Callable[[float], float],
    x_name: str,
    y_name: str,
) -> str:
    parts = []
    for value in ys:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(f'<text class="name" x="{LEFT - 8}" y="{y(value) + 4:.1f}">{value:.4g}</text>')
    for value in xs:
        parts.append(f'<text class="middle" x="{x(value):.1f}" y="{HEIGHT - BOTTOM + 18}">{_brief(value)}</text>')
    middle = (HEIGHT - BOTTOM + TOP) / 2
    parts.append(f'<text class="middle" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 4}">{escape(x_name)}</text>')
    name = escape(_short(y_name, 36))
    parts.append(f'<text class="middle" transform="translate(12,{middle:.0f}) rotate(-90)">{name}</text>')
    return "".join(parts)


def _brief(value: float) -> str:
    """1.5M for 1500000: the ticks of an axis stand side by side."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):g}{unit}"
    return f"{value:g}"


def _svg(width: float, height: float, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" style="max-width:{width:.0f}px" role="img" '
        f'aria-label="{escape(title, quote=True)}">{"".join(parts)}</svg>'
    )

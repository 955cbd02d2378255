"""Formats numbers for people."""

from __future__ import annotations


def number(name: str, value: float) -> str:
    """A measured value with its unit: a fraction with four places, a count with commas, milliseconds."""
    if name.endswith("_ms"):
        return f"{value:.3g} ms"
    if name in ("params", "macs") or (value == round(value) and abs(value) >= 100):
        return f"{value:,.0f}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 100 or value == 0 else f"{value:.4g}"


def deviation(name: str, value: float, mean: float) -> str:
    """Formats a standard deviation with as many decimals as its mean."""
    _, _, places = number(name, mean).partition(".")
    if not places.isdigit():
        return number(name, value)
    return f"{value:.{len(places)}f}"


def count(value: float) -> str:
    """1,234 up to ten thousand, then 12.3k, 4.56M, 7.89G."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.3g}{unit}"
    return f"{value:,.0f}"


def duration(seconds: float) -> str:
    """`8 s`, `2 min 05 s`, `1 h 20 min`."""
    whole = round(max(seconds, 0.0))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def plural(value: int, word: str) -> str:
    return f"{value:,} {word}" if value == 1 else f"{value:,} {word}s"


def figure(value: float) -> str:
    """A number without a known name: four decimals, fewer for large numbers, none for integers from 100."""
    if abs(value) >= 100 and value == round(value):
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.5g}"


def exact(value: float) -> str:
    """A number as a spec has it: integers with commas, others with up to six significant digits."""
    return f"{value:,.0f}" if abs(value) < 1e15 and value == round(value) else f"{value:.6g}"


def tick(value: float) -> str:
    """The short label of a tick on an axis: 1.5M for 1500000."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):g}{unit}"
    return f"{value:g}"


def in_bytes(size: float) -> str:
    """`1.2 GB`, `340 MB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"

"""Pictures of a rehearsal as SVG that needs nothing else; colours come from the page's style, light or dark."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

_WIDTH, _LEFT, _RIGHT = 1000, 150, 20
_BAR, _LAG_HEIGHT, _FOOT = 22, 150, 34


def timeline(document: Mapping[str, Any]) -> str:
    """When each phase ran, and below it how far behind the source the target was."""
    phases, samples = document["phases"], document["samples"]
    end = max([1e-3, *(p["at"] + p["seconds"] for p in phases), *(s["at"] for s in samples)])
    top = 8 + _BAR * len(phases) + 24
    height = top + _LAG_HEIGHT + _FOOT
    parts = [f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="phases and lag over time">']
    for place, phase in enumerate(phases):
        y, x = 8 + _BAR * place, _x(phase["at"], end)
        width = max(2.0, _x(phase["at"] + phase["seconds"], end) - x)
        parts.append(f'<text class="t" x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(phase["phase"])}</text>')
        parts.append(f'<rect class="bar" x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="{_BAR - 6}" rx="3"/>')
        parts += _beside(x, width, y + 14, f"{phase['seconds']:,.1f} s")
    parts += [*_lag(samples, end, top), *_axis(end, top, height), "</svg>"]
    return "\n".join(parts)


def _beside(x: float, width: float, y: float, said: str) -> list[str]:
    """To the right of a bar, or to its left where there is no room."""
    room = x + width + 60 < _WIDTH
    place, anchor = (x + width + 5, "start") if room else (x - 5, "end")
    return [f'<text class="s" x="{place:.1f}" y="{y}" text-anchor="{anchor}">{said}</text>']


def _lag(samples: Sequence[Mapping[str, Any]], end: float, top: float) -> list[str]:
    known = [(each["at"], each["lag"]) for each in samples if each["lag"] is not None]
    worst = max([1.0, *(lag for _, lag in known)])
    bottom = top + _LAG_HEIGHT

    def y(lag: float) -> float:
        return float(bottom - (_LAG_HEIGHT - 12) * lag / worst)

    parts = [f'<text class="t" x="{_LEFT - 8}" y="{top - 2}" text-anchor="end">lag</text>']
    for share in (0.5, 1.0):
        at = y(worst * share)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        text = f"{worst * share:,.1f} s"
        parts.append(f'<text class="s" x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{text}</text>')
    points = " ".join(f"{_x(at, end):.1f},{y(lag):.1f}" for at, lag in known)
    return [*parts, f'<polyline class="lag" points="{points}"/>']


def _axis(end: float, top: float, height: float) -> list[str]:
    bottom = top + _LAG_HEIGHT
    parts = [f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{bottom}" y2="{bottom}"/>']
    for tick in range(6):
        at = end * tick / 5
        parts.append(f'<text class="s" x="{_x(at, end):.1f}" y="{height - 14}" text-anchor="middle">{at:,.0f} s</text>')
    return parts


def _x(at: float, end: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * at / end


def whisker(low: float, value: float, high: float, most: float) -> str:
    """An estimate with its error bar, on a scale that ends at `most`."""

    def x(amount: float) -> float:
        return 4 + 232 * amount / (most or 1.0)

    return (
        '<svg class="whisker" viewBox="0 0 240 16" role="img">'
        f'<line class="axis" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="8" y2="8"/>'
        f'<line class="axis" x1="{x(low):.1f}" x2="{x(low):.1f}" y1="3" y2="13"/>'
        f'<line class="axis" x1="{x(high):.1f}" x2="{x(high):.1f}" y1="3" y2="13"/>'
        f'<circle class="bar" cx="{x(value):.1f}" cy="8" r="4"/></svg>'
    )


def course(values: Sequence[float]) -> str:
    """One quantity over the rehearsals, the last one marked."""
    most = max([*values, 1e-9])
    step = 112 / max(1, len(values) - 1)
    points = [(4 + step * place, 20 - 16 * value / most) for place, value in enumerate(values)]
    lines = [
        f'<line class="axis" x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"/>'
        for a, b in pairwise(points)
    ]
    last = f'<circle class="bar" cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="3"/>'
    return f'<svg class="course" viewBox="0 0 120 24" role="img">{"".join(lines)}{last}</svg>'

"""
What rehearsals say about the real migration: each quantity is taken to grow with the data, its error bar is as wide as
the rehearsals differ. Reckoned with documents (measured.py), oldest first.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNITS = {
    "load": "s",
    "catch-up": "s",
    "indexes": "s",
    "comparison": "s",
    "write pause": "s",
    "disk": "B",
    "spool": "B",
}
"""disk: of the target. spool: of the machine that the run is on, at most."""

_MOST = 5
_STUDENT = {1: 6.314, 2: 2.920, 3: 2.353, 4: 2.132}
"""Student's t for two-sided 90 %, by degrees of freedom (any table of the distribution)."""
_ALONE = 0.5
_AT_LEAST = 0.1
_WORSE = 1.25
_MOMENTS = {"s": 1.0, "B": 10e6}


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """In seconds or bytes. rehearsals: how many it rests on; low to high holds nine of ten."""

    name: str
    unit: str
    value: float
    low: float
    high: float
    rehearsals: int


@dataclass(frozen=True, kw_only=True)
class Change:
    """before: what the last rehearsal says for the data of this one."""

    name: str
    unit: str
    before: float
    now: float
    regressed: bool


def forecast(documents: Sequence[Mapping[str, Any]]) -> list[Estimate]:
    """For as much data as the last of them had; from the last five at most."""
    data = _data(documents[-1])
    return [_estimate(name, [_rate(each, name) for each in documents[-_MOST:]], data) for name in UNITS]


def _estimate(name: str, rates: list[float], data: float) -> Estimate:
    """
    A prediction interval for one more of the same kind: t · s · √(1 + 1/n). Of one rehearsal nobody knows how far it is
    off, so that half of it is taken; and none is surer than a tenth.
    """
    n = len(rates)
    mean = sum(rates) / n
    if n == 1:
        width = _ALONE * mean
    else:
        deviation = math.sqrt(sum((rate - mean) ** 2 for rate in rates) / (n - 1))
        width = max(_AT_LEAST * mean, _STUDENT[n - 1] * deviation * math.sqrt(1 + 1 / n))
    low, high = max(0.0, mean - width), mean + width
    value, low, high = (round(each * data, 3) for each in (mean, low, high))
    return Estimate(name=name, unit=UNITS[name], value=value, low=low, high=high, rehearsals=n)


def compare(last: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Regressed is what takes a quarter more than the last one did for as much data, and more than a moment."""
    data, changes = _data(now), []
    for name, unit in UNITS.items():
        before, after = _rate(last, name) * data, _rate(now, name) * data
        regressed = after > _WORSE * before and after - before > _MOMENTS[unit]
        changes.append(Change(name=name, unit=unit, before=round(before, 3), now=round(after, 3), regressed=regressed))
    return changes


def verdicts(last: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """What is worse and is no number of seconds or bytes."""
    found = [] if now["equal"] else [f"{now['differing']:,} row(s) differ"]
    for key, said in (("rejected_rows", "row(s) refused"), ("not_carried", "object(s) left behind")):
        before = last[key] if last else now[key]
        if now[key] > before:
            found.append(f"{now[key]} {said}, {before} before")
    return found


def _rate(document: Mapping[str, Any], name: str) -> float:
    return float(document["quantities"][name]) / _data(document)


def _data(document: Mapping[str, Any]) -> float:
    return max(1.0, float(document["bytes"]))

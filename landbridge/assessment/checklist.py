"""All checks by name, so that a report can also say which of them found nothing."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from landbridge.endpoints.abc import Finding

Outcome = Literal["refused", "warned", "passed", "not looked at"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """sides: S and T. families: those it is made for, none for all. dms: what AWS DMS calls the same question."""

    name: str
    sides: tuple[str, ...]
    families: tuple[str, ...]
    asks: str
    dms: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Checked:
    check: Check
    outcome: Outcome


@cache
def checklist() -> tuple[Check, ...]:
    entries = yaml.safe_load((Path(__file__).parent / "checklist.yaml").read_text(encoding="utf-8"))
    return tuple(Check(**{**each, **{part: tuple(each[part]) for part in _LISTS}}) for each in entries)


_LISTS = ("sides", "families", "dms")


def outcomes(findings: Iterable[Finding], source: str, target: str, skipped: Collection[str]) -> tuple[Checked, ...]:
    """Of the checks that are made for these families. skipped: sides that nobody looked at."""
    levels: dict[str, str] = {}
    for finding in findings:
        levels[finding.name] = "refuse" if "refuse" in (finding.level, levels.get(finding.name)) else "warn"
    families = {"S": source, "T": target}
    made = []
    for check in checklist():
        sides = [side for side in check.sides if not check.families or families[side] in check.families]
        if not sides:
            continue
        outcome: Outcome = "passed"
        if check.name in levels:
            outcome = "refused" if levels[check.name] == "refuse" else "warned"
        elif all(side in skipped for side in sides):
            outcome = "not looked at"
        made.append(Checked(check=check, outcome=outcome))
    return tuple(made)

"""An assessment as one self-contained page for whoever decides, and as data for whoever counts. No row data."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from landbridge.assessment.assess import Assessment, TableFacts, sums
from landbridge.assessment.effort import HOURS

_MOST_TABLES = 50
_WORKDAY = 8.0


def write(found: Sequence[Assessment], path: Path) -> None:
    environment = Environment(
        loader=PackageLoader("landbridge.assessment", "."), autoescape=select_autoescape(default=True)
    )
    environment.filters |= {"size": size, "count": count, "hours": hours}
    text = environment.get_template("page.html.j2").render(
        title=found[0].plan if len(found) == 1 else f"{len(found)} databases",
        when=time.strftime("%Y-%m-%d %H:%M", time.gmtime(found[0].when)),
        databases=[_shown(each) for each in found],
        ranked=[_shown(each) for each in _easiest_first(found)],
        totals=sums(found),
        classes=HOURS,
    )
    path.write_text(text, encoding="utf-8")


def write_data(document: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")


def document(found: Sequence[Assessment]) -> dict[str, Any]:
    totals = sums(found)
    return {"summary": _summary(found), "totals": totals, "databases": [_data(each) for each in found]}


def findings(each: Assessment) -> list[dict[str, str]]:
    return [
        {"check": f.name, "level": f.level, "found": f.found, "wanted": f.wanted, "mend": f.mend} for f in each.findings
    ]


def markdown(found: Sequence[Assessment], report: Path) -> str:
    lines = [f"# {_summary(found)}", "", "| database | verdict | size | work |", "|---|---|---|---|"]
    for each in found:
        size_of = size(sums([each])["bytes"])
        lines.append(f"| {each.plan} | {verdict(each)[1]} | {size_of} | {hours(each.hours)} |")
    return "\n".join([*lines, "", f"Report: {report}"])


def verdict(each: Assessment) -> tuple[str, str]:
    """good, fair or bad; and in words."""
    if each.refusals:
        return "bad", f"{each.refusals} obstacle(s) to clear first"
    if not each.tables:
        return "bad", "nothing could be looked at"
    if each.hours > _WORKDAY:
        return "fair", f"can be moved; about {hours(each.hours)} of work by people"
    return "good", "can be moved"


def _summary(found: Sequence[Assessment]) -> str:
    totals = sums(found)
    what = found[0].plan if len(found) == 1 else f"{len(found)} databases"
    return (
        f"{what}: {count(totals['tables'])} table(s), {size(totals['bytes'])}, {count(totals['refusals'])} refusal(s), "
        f"{count(totals['warnings'])} warning(s), about {hours(totals['hours'])} of work by people"
    )


def _easiest_first(found: Sequence[Assessment]) -> list[Assessment]:
    """The order to move an estate in: what can go with little work teaches most cheaply."""
    return sorted(found, key=lambda each: (bool(each.refusals), each.hours, sums([each])["bytes"], each.plan))


def _data(each: Assessment) -> dict[str, Any]:
    """Names as text, as every other document of the command line has them."""
    return {
        "plan": each.plan,
        "source": each.source,
        "target": each.target,
        "source_only": each.source_only,
        "server": each.server,
        "summary": _summary([each]),
        "verdict": verdict(each)[1],
        "checks": [
            {"check": made.check.name, "outcome": made.outcome, "asks": made.check.asks, "dms": list(made.check.dms)}
            for made in each.checks
        ],
        "findings": findings(each),
        "bytes": each.bytes,
        "statistics_seconds": round(each.since),
        "growth_bytes_by_day": each.growth,
        "writes_by_day": each.writes,
        "tables": [asdict(table) | {"name": str(table.name), "target": str(table.target)} for table in each.tables],
        "kinds": [asdict(travel) for travel in each.travels],
        "losses": [asdict(loss) for loss in each.losses],
        "work": [asdict(work) for work in each.work],
        "hours": each.hours,
        "hours_of_classes": HOURS,
        "statements": asdict(each.workload) if each.workload else None,
        "waves": [asdict(wave) | {"tables": [str(name) for name in wave.tables]} for wave in each.waves],
        "unknown": list(each.unknown),
    }


def _shown(each: Assessment) -> dict[str, Any]:
    """What the template needs and a value does not say by itself."""
    grade, sentence = verdict(each)
    tables = sorted(each.tables, key=_whole, reverse=True)
    return {
        "it": each,
        "grade": grade,
        "sentence": sentence,
        "bytes": sums([each])["bytes"],
        "outcomes": Counter(made.outcome for made in each.checks),
        "largest": tables[:_MOST_TABLES],
        "more": len(tables) - _MOST_TABLES,
        "top": max((_whole(table) for table in tables), default=0) or 1,
        "classes": _by_class(each),
        "since": _span(each.since),
        "left": [work for work in each.work if work.effort != "as it is"],
    }


def _by_class(each: Assessment) -> dict[str, tuple[int, float]]:
    found = {
        name: (sum(w.count for w in each.work if w.effort == name), sum(w.hours for w in each.work if w.effort == name))
        for name in HOURS
        if name != "statement"
    }
    statements = each.workload.untranslatable if each.workload else 0
    return found | {"statement": (statements, HOURS["statement"] * statements)}


def _whole(table: TableFacts) -> int:
    return table.bytes + table.index_bytes


def _span(seconds: float) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return "less than a minute"


def size(value: float | None) -> str:
    if value is None:
        return "–"
    left = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(left) < 1024:
            return f"{left:.0f} {unit}" if unit == "B" or abs(left) >= 100 else f"{left:.1f} {unit}"
        left /= 1024
    return f"{left:.1f} TB"


def count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def hours(value: float) -> str:
    return f"{value:,.0f} h" if value >= 10 or value == int(value) else f"{value:.2g} h"

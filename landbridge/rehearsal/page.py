"""A rehearsal as one self-contained page, and in a few lines of Markdown."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from landbridge.rehearsal import plot


def write(document: Mapping[str, Any], folder: Path, name: str) -> tuple[Path, Path]:
    """The page and the data beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    shown, data = folder / f"{name}.html", folder / f"{name}.json"
    data.write_text(json.dumps(document, indent=2), encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("landbridge.rehearsal", "."), autoescape=select_autoescape(default=True)
    )
    environment.filters["amount"] = amount
    text = environment.get_template("page.html.j2").render(
        it=document,
        when=time.strftime("%Y-%m-%d %H:%M", time.gmtime(document["finished"])),
        timeline=Markup(plot.timeline(document)),  # noqa: S704  of numbers, and of names that are escaped there
        rows=_rows(document),
    )
    shown.write_text(text, encoding="utf-8")
    return shown, data


def markdown(document: Mapping[str, Any], shown: Path) -> str:
    lines = [f"# {document['plan']}: {document['summary']}", "", "| | forecast | from | to | last time |"]
    lines.append("|---|---|---|---|---|")
    for row in _rows(document):
        last = amount(row["before"], row["unit"]) if row["before"] is not None else "–"
        mark = " **worse**" if row["regressed"] else ""
        bounds = (amount(row[each], row["unit"]) for each in ("value", "low", "high"))
        lines.append(f"| {row['name']} | {' | '.join(bounds)} | {last}{mark} |")
    return "\n".join([*lines, "", f"Report: {shown}"])


def _rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One of each quantity: forecast, measured, the last one's, and its course over the rehearsals."""
    against = {change["name"]: change for change in document["against_the_last"]}
    most = {unit: max(e["high"] for e in document["forecast"] if e["unit"] == unit) for unit in ("s", "B")}
    rows = []
    for each in document["forecast"]:
        name = each["name"]
        change = against.get(name, {"before": None, "regressed": False})
        values = [*(former["quantities"][name] for former in document["former"]), document["quantities"][name]]
        rows.append(
            each
            | {"measured": document["quantities"][name], "before": change["before"], "regressed": change["regressed"]}
            | {"whisker": Markup(plot.whisker(each["low"], each["value"], each["high"], most[each["unit"]]))}  # noqa: S704
            | {"course": Markup(plot.course(values))}  # noqa: S704
        )
    return rows


def amount(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "B":
        return f"{value / 1e9:,.2f} GB" if value >= 1e9 else f"{value / 1e6:,.1f} MB"
    if value >= 7200:
        return f"{value / 3600:,.1f} h"
    return f"{value / 60:,.1f} min" if value >= 120 else f"{value:,.1f} s"

"""One self-contained page of a validation round: verdict, figures, tables, differences, inventory. No row data."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from landbridge.ledger import Item
from validation.compare import Comparison, RangeResult

STATUSES = ("migrated", "translated", "planned", "waived", "not carried", "failed")


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the page tells. results: of the suites, by name. docs: the Data Docs' index."""

    plan: str
    run: str
    source: str
    target: str
    passed: bool
    comparison: Comparison
    results: dict[str, list[dict[str, Any]]]
    items: Sequence[Item]
    summary: dict[str, dict[str, int]]
    docs: Path


def write(page: Page, path: Path) -> Path:
    environment = Environment(loader=PackageLoader("validation", "."), autoescape=select_autoescape(default=True))
    text = environment.get_template("report.html.j2").render(
        plan=page.plan,
        run=page.run,
        source=page.source,
        target=page.target,
        passed=page.passed,
        when=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
        sentence=_sentence(page),
        tiles=_tiles(page.comparison),
        results=page.results,
        tables=_tables(page.comparison.ranges),
        differences=_differences(page.comparison),
        inventory=page.summary,
        statuses=STATUSES,
        not_carried=[asdict(item) for item in page.items if item.status in ("waived", "not carried", "failed")],
        docs=page.docs,
    )
    path.write_text(text, encoding="utf-8")
    return path


def _sentence(page: Page) -> str:
    rows = sum(result.source.rows for result in page.comparison.ranges)
    if page.passed and page.comparison.since is not None:
        return f"Both sides were equal before; the {rows:,} rows that changed since are the same on both, too."
    if page.passed:
        return f"All {rows:,} rows of {len(_tables(page.comparison.ranges))} tables are the same on both sides."
    differing = sum(result.differing for result in page.comparison.ranges)
    failed = sum(not e["passed"] for found in page.results.values() for e in found)
    return f"{differing:,} row(s) differ; {failed} expectation(s) failed. Do not switch over."


def _tiles(comparison: Comparison) -> list[tuple[str, str]]:
    rows = sum(result.source.rows for result in comparison.ranges)
    return [
        ("rows compared", f"{rows:,}"),
        ("ranges", f"{len(comparison.ranges):,}"),
        ("compared in", f"{comparison.seconds:.1f} s"),
        ("apply held for", f"{comparison.held:.2f} s"),
        ("position", (comparison.position or "still")[:40]),
        *([("changed since", comparison.since[:40])] if comparison.since is not None else []),
    ]


def _tables(ranges: Sequence[RangeResult]) -> list[dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = {}
    for result in ranges:
        name = str(result.table.source.name)
        zero = {"name": name, "source_rows": 0, "target_rows": 0, "ranges": 0, "equal_ranges": 0, "proofs": set()}
        table = tables.setdefault(name, zero)
        table["source_rows"] += result.source.rows
        table["target_rows"] += result.target.rows
        table["ranges"] += 1
        table["equal_ranges"] += result.equal
        table["proofs"].add(result.proof)
    for table in tables.values():
        table["equal"] = table["ranges"] == table["equal_ranges"]
        table["proof"] = " and ".join(sorted(table["proofs"]))
    return list(tables.values())


def _differences(comparison: Comparison) -> list[dict[str, Any]]:
    names = {result.table.number: str(result.table.source.name) for result in comparison.ranges}
    return [asdict(found) | {"table": names[found.table_number]} for found in comparison.differences]

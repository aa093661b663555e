"""What the demo says at its end: what moved, how fast, whether it is equal, and how long nobody could write."""

import shutil
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from landbridge import ledger
from landbridge.plan import Plan


def summarise(
    engine: sa.Engine, plan: Plan, account: dict[str, Any], seconds: float, folder: Path, kept: Path
) -> dict[str, Any]:
    """account: the writer's own. The reports in `folder` are copied to `kept`, for the folder will be gone."""
    with engine.connect() as connection:
        run = ledger.find_run(connection, plan) if ledger.exists(connection) else None
        if run is None:
            return {"seconds": seconds, "writer": account}
        states = ledger.table_states(connection, run.run)
        stream = ledger.read_stream(connection, run.run) if ledger.has_stream(connection, run.run) else None
        verdict = ledger.latest_round(connection, run.run)
        phases = ledger.phases(connection, run.run)
        state, _, detail = ledger.cutover_row(connection, run.run)
    return {
        "seconds": seconds,
        "tables": [_table(table) for table in states],
        "changes_applied": stream.changes if stream else 0,
        "verdict": (verdict or {}).get("detail"),
        "phases": {p["phase"]: p["finished"] - p["started"] for p in phases if p["finished"]},
        "cutover": state,
        "write_pause": detail.get("pause"),
        "writer": account,
        "reports": [str(path) for path in _keep(folder, kept)],
    }


def _table(table: ledger.TableState) -> dict[str, Any]:
    seconds = (table.finished or 0) - (table.started or 0) if table.finished else 0
    return {"name": str(table.map.target.name), "rows": table.rows, "bytes": table.bytes, "seconds": seconds}


def _keep(folder: Path, kept: Path) -> list[Path]:
    found = []
    for place in sorted(folder.glob("runs/*/validation-*")):
        shutil.copytree(place, kept / place.name, dirs_exist_ok=True)
        found.append(kept / place.name / "report.html")
    return found


def text(summary: dict[str, Any]) -> str:
    lines = ["", "What moved", ""]
    tables = summary.get("tables", [])
    width = max((len(t["name"]) for t in tables), default=10)
    for t in tables:
        rate = f"{t['rows'] / t['seconds']:>10,.0f} rows/s" if t["seconds"] else ""
        lines.append(f"  {t['name']:<{width}}  {t['rows']:>9,} rows  {t['bytes'] / 1e6:>7.1f} MB  {rate}")
    verdict = summary.get("verdict") or {}
    lines += ["", *(f"  {name:<{28}}{value}" for name, value in _figures(summary, verdict)), "", "Reports", ""]
    lines += [f"  {path}" for path in summary.get("reports", [])] or ["  none"]
    return "\n".join(lines)


def _figures(summary: dict[str, Any], verdict: dict[str, Any]) -> list[tuple[str, str]]:
    writer = summary["writer"]
    pause = summary.get("write_pause")
    equal = "equal" if verdict.get("passed") else "NOT EQUAL"
    return [
        ("changes applied meanwhile", f"{summary.get('changes_applied', 0):,}"),
        (
            "check",
            f"{verdict.get('rows', 0):,} rows in {verdict.get('ranges', 0)} ranges: {equal}" if verdict else "none",
        ),
        ("write pause", f"{pause:.2f} s (from freeze to open)" if pause else "no cutover"),
        ("as the application felt it", f"{writer['longest_gap']:.2f} s, its longest time without a write"),
        ("the application wrote", f"{writer['transactions']:,} transactions, {writer['rows']:,} rows"),
        ("all phases together", f"{summary['seconds']:.1f} s"),
    ]

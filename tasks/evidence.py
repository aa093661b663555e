"""What whoever approves must know: as data for the ledger, as text for the form."""

from typing import Any

from landbridge import ledger
from landbridge.plan import EndpointRef, Plan
from tasks.running import ledger_of


def gather(plan: Plan, run: str, lag: float | None) -> dict[str, Any]:
    with ledger_of(plan).connect() as connection:
        checked = ledger.latest_round(connection, run)
        items, summary = ledger.items(connection, run), ledger.summary(connection, run)
        changes, rejects = ledger.read_stream(connection, run).changes, len(ledger.rejects(connection, run))
    left = [f"{item.kind} {item.name}" for item in items if item.status in ("not carried", "failed")]
    later = [f"{item.kind} {item.name}" for item in items if item.status == "planned"]
    return {
        "plan": plan.name,
        "run": run,
        "source": _where(plan.source),
        "target": _where(plan.target),
        "validation": checked["detail"] if checked else None,
        "changes_applied": changes,
        "lag_seconds": lag,
        "rejected_rows": rejects,
        "objects": summary,
        "not_carried": left,
        "made_in_the_switch": later,
        "freeze": plan.cutover.freeze,
        "freeze_at_most": plan.cutover.timeout,
    }


def _where(ref: EndpointRef) -> str:
    return f"{ref.engine} at {ref.host}:{ref.port or 'default port'}{f'/{ref.database}' if ref.database else ''}"


def describe(evidence: dict[str, Any]) -> str:
    """Markdown."""
    checked = evidence["validation"] or {}
    verdict = "equal" if checked.get("passed") else "NOT equal, or not compared"
    lag = "unknown" if evidence["lag_seconds"] is None else f"{evidence['lag_seconds']:.1f} s"
    left = evidence["not_carried"]
    lines = [
        f"# Switch {evidence['plan']} over?",
        f"from {evidence['source']} to {evidence['target']}",
        f"- **{checked.get('rows', 0):,} rows compared: {verdict}** (report: {checked.get('report', 'none')})",
        f"- {evidence['changes_applied']:,} changes applied, lag {lag}, {evidence['rejected_rows']} rows refused",
        f"- {len(left)} objects are not carried" + (": " + ", ".join(left[:20]) if left else ""),
        f"- {len(evidence['made_in_the_switch'])} objects are made in the switch (foreign keys)",
        f"- the source will be frozen ({evidence['freeze']}) for {evidence['freeze_at_most']} at most",
    ]
    return "\n\n".join(lines[:2]) + "\n\n" + "\n".join(lines[2:])

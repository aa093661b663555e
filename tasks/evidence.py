"""What whoever approves must know: as data for the ledger, as text for the form."""

from typing import Any

from landbridge import ledger
from landbridge.plan import EndpointRef, Plan
from tasks import artifacts
from tasks.running import ledger_of

_SHOWN = 20


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
    left, later = evidence["not_carried"], evidence["made_in_the_switch"]
    lines = [
        f"## Switch {evidence['plan']} over?",
        f"From {evidence['source']} to {evidence['target']}",
        f"- **{checked.get('rows', 0):,} rows compared: {verdict}** (report: {checked.get('report', 'none')})",
        f"- changes applied: {evidence['changes_applied']:,}; lag: {lag}; rows refused: {evidence['rejected_rows']}",
        f"- objects not carried or failed: {_listed(left)}",
        f"- objects made in the switch: {_listed(later)}",
        f"- the source will be frozen ({evidence['freeze']}) for {evidence['freeze_at_most']} at most",
    ]
    return "\n\n".join(lines[:2]) + "\n\n" + "\n".join(lines[2:])


def show(plan: Plan, evidence: dict[str, Any]) -> str:
    """The same text as a page that stays with the run, when the form is gone; the text."""
    text = describe(evidence)
    artifacts.page("evidence", plan.name, text, "what the gate was asked on")
    return text


def _listed(objects: list[str]) -> str:
    more = f" and {len(objects) - _SHOWN} more" if len(objects) > _SHOWN else ""
    return f"{len(objects)} ({', '.join(objects[:_SHOWN])}{more})" if objects else "none"

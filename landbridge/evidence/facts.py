"""The evidence as data. No rows: tables, counts, objects, reasons."""

import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from landbridge import approving, ledger
from landbridge.ledger import Item
from landbridge.plan import EndpointRef, Plan

_LEFT_BEHIND = ("not carried", "waived", "failed")
_MOVES = (
    "taken",
    "lag_seconds",
    "changes_applied",
    "validation",
    "objects",
    "inventory",
    "made_in_the_switch",
    "rehearsal",
)
"""What goes on while the gate is shut and says nothing against an approval: changes are applied and counted, say."""


def gather(connection: sa.Connection, plan: Plan, run: str, gate: str, lag: float | None) -> dict[str, Any]:
    """lag: in seconds. What may change without voiding an approval is named in the evidence itself."""
    checked = ledger.latest_round(connection, run)
    items, rejects = ledger.items(connection, run), ledger.rejects(connection, run)
    detail = checked["detail"] if checked else None
    return {
        "gate": gate,
        "plan": plan.name,
        "plan_hash": plan_hash(plan),
        "run": run,
        "source": _where(plan.source),
        "target": _where(plan.target),
        "taken": round(time.time(), 3),
        "equal": bool(checked and checked["passed"]),
        "differing_rows": (detail or {}).get("differing"),
        "validation": detail,
        "changes_applied": ledger.read_stream(connection, run).changes if ledger.has_stream(connection, run) else 0,
        "lag_seconds": lag,
        "rejected_rows": len(rejects),
        "rejects": dict(Counter(reason for _, reason in rejects)),
        "standing": sorted({str(each.map.source.name) for each in ledger.standing(connection, run)}),
        "objects": ledger.summary(connection, run),
        "inventory": [vars(item) for item in items],
        "inventory_hash": _inventory_hash(items),
        "not_carried": [f"{item.kind} {item.name}" for item in items if item.status in _LEFT_BEHIND],
        "made_in_the_switch": [f"{item.kind} {item.name}" for item in items if item.status == "planned"],
        "freeze": plan.cutover.freeze,
        "freeze_at_most": plan.cutover.timeout,
        "rehearsal": _rehearsal(connection, plan),
        approving.RULES: approving.rules(plan.cutover).as_facts(),
        approving.MAY_CHANGE: list(_MOVES),
    }


def _rehearsal(connection: sa.Connection, plan: Plan) -> dict[str, Any] | None:
    """The last one's times, without its pictures."""
    found = ledger.rehearsals(connection, plan.name, most=1)
    if not found:
        return None
    told = ("finished", "summary", "equal", "plan_hash", "quantities", "switch", "forecast", "regressions")
    return {name: found[-1][name] for name in told}


def plan_hash(plan: Plan) -> str:
    """Of the whole plan, speeds and timeouts too: who approves, approves how it is done. It holds no secrets."""
    return hashlib.sha256(plan.model_dump_json().encode()).hexdigest()


def _inventory_hash(items: Sequence[Item]) -> str:
    """Of what arrives and what does not. When an object is made, and that an approval waives one, changes nothing."""
    fates = sorted((item.kind, item.name, item.parent, _fate(item)) for item in items)
    return hashlib.sha256(repr(fates).encode()).hexdigest()


def _fate(item: Item) -> str:
    if item.status == "failed":
        return "failed"
    return "stays" if item.status in _LEFT_BEHIND else "arrives"


def _where(ref: EndpointRef) -> str:
    return f"{ref.engine} at {ref.host}:{ref.port or 'default port'}{f'/{ref.database}' if ref.database else ''}"

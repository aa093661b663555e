"""Approvals: who allowed what, on which evidence, until when. The ledger decides; a UI only shows."""

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from landbridge.errors import Terminal
from landbridge.ledger import layout as t
from landbridge.ledger.inventory import waive


@dataclass(frozen=True, kw_only=True)
class Approval:
    """state: requested, approved, rejected or void. Times in seconds since 1970."""

    number: int
    gate: str
    evidence: dict[str, Any]
    evidence_hash: str
    flow_run: str | None
    state: str
    approved_by: str | None
    reason: str | None
    requested: float
    decided: float | None
    expires: float | None

    @property
    def valid(self) -> bool:
        return self.state == "approved" and self.expires is not None and time.time() < self.expires


def evidence_hash(evidence: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(evidence, sort_keys=True).encode()).hexdigest()


def request_approval(
    connection: sa.Connection, run: str, gate: str, evidence: dict[str, Any], flow_run: str | None
) -> Approval:
    """
    A new request on this evidence; older open requests and approvals of the gate become void, unless one is still
    valid: then that one is returned.
    """
    latest = latest_approval(connection, run, gate)
    if latest is not None and latest.valid:
        return latest
    c = t.approvals.c
    older = (c.run == run) & (c.gate == gate) & (c.state.in_(("requested", "approved")))
    connection.execute(t.approvals.update().where(older).values(state="void"))
    number = (connection.execute(sa.select(sa.func.max(c.number)).where(c.run == run)).scalar_one() or 0) + 1
    values = {"run": run, "number": number, "gate": gate, "evidence": evidence, "flow_run": flow_run}
    connection.execute(
        t.approvals.insert().values(
            **values, evidence_hash=evidence_hash(evidence), state="requested", requested=time.time()
        )
    )
    made = latest_approval(connection, run, gate)
    assert made is not None
    return made


def latest_approval(connection: sa.Connection, run: str, gate: str) -> Approval | None:
    c = t.approvals.c
    query = sa.select(t.approvals).where((c.run == run) & (c.gate == gate)).order_by(c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else Approval(**{k: v for k, v in row._mapping.items() if k != "run"})


def decide(
    connection: sa.Connection, run: str, number: int, *, approve: bool, by: str, reason: str, expires_in: float
) -> None:
    """Answer an open request. Raises Terminal when it was answered or voided meanwhile."""
    now = time.time()
    c = t.approvals.c
    which = (c.run == run) & (c.number == number) & (c.state == "requested")
    values = {"approved_by": by, "reason": reason, "decided": now, "expires": now + expires_in if approve else None}
    state = "approved" if approve else "rejected"
    if connection.execute(t.approvals.update().where(which).values(state=state, **values)).rowcount != 1:
        raise Terminal(
            f"request {number} of run {run} is no longer open", mend="see `landbridge status` for the latest request"
        )
    if approve:  # the evidence lists what stays behind, so whoever approves it answers for that
        waive(connection, run, by, reason)


def approvals(connection: sa.Connection, run: str) -> list[Approval]:
    query = sa.select(t.approvals).where(t.approvals.c.run == run).order_by(t.approvals.c.number)
    return [Approval(**{k: v for k, v in row._mapping.items() if k != "run"}) for row in connection.execute(query)]

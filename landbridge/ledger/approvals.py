"""
Requests at a gate, each with its evidence as it was frozen, and what became of them. The ledger decides; a UI only
shows.
"""

import time
from dataclasses import dataclass, field, fields
from typing import Any

import sqlalchemy as sa

from landbridge.approving import binding, evidence_hash, person
from landbridge.errors import InvalidApproval
from landbridge.ledger import layout as t


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One person's answer. verified: the run that asks has proven the person's code. void: why it does not count."""

    place: int
    approve: bool
    by: str
    reason: str
    evidence_hash: str
    proof: str = field(repr=False)
    verified: bool
    decided: float
    expires: float
    void: str

    def said(self, run: str, number: int) -> tuple[object, ...]:
        answer = "approve" if self.approve else "reject"
        return run, number, answer, person(self.by), self.evidence_hash, int(self.expires)

    @property
    def name(self) -> str:
        return self.by if self.verified else f"{self.by} (name not verified)"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """
    state: requested, approved, rejected or void. Times in seconds since 1970. approved_by and reason: of whoever
    decided, several joined; decisions: all, also those that do not count.
    """

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
    decisions: tuple[Decision, ...] = ()

    @property
    def valid(self) -> bool:
        return self.state == "approved" and self.expires is not None and time.time() < self.expires

    @property
    def counted(self) -> tuple[Decision, ...]:
        return tuple(decision for decision in self.decisions if not decision.void)

    @property
    def names(self) -> str:
        return ", ".join(decision.name for decision in self.counted)

    def as_dict(self) -> dict[str, Any]:
        """Without what proves the codes."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        shown = [{k: v for k, v in vars(decision).items() if k != "proof"} for decision in self.decisions]
        return told | {"decisions": shown}


def request_approval(
    connection: sa.Connection, run: str, gate: str, evidence: dict[str, Any], flow_run: str | None
) -> Approval:
    """
    The gate's latest request or approval, where it was asked on evidence that still holds (or this flow run's, when it
    was rejected); else all of the gate's are void from now on, and there is a new request on this evidence.
    """
    c = t.approvals.c
    latest = latest_approval(connection, run, gate)
    if latest is not None and latest.state == "rejected" and latest.flow_run == flow_run is not None:
        return latest
    if latest is not None and _holds(latest, evidence):
        which = (c.run == run) & (c.number == latest.number)
        connection.execute(t.approvals.update().where(which).values(flow_run=flow_run))
        return request(connection, run, latest.number)
    older = (c.run == run) & (c.gate == gate) & (c.state.in_(("requested", "approved")))
    connection.execute(t.approvals.update().where(older).values(state="void"))
    number = (connection.execute(sa.select(sa.func.max(c.number)).where(c.run == run)).scalar_one() or 0) + 1
    values = {"run": run, "number": number, "gate": gate, "evidence": evidence, "flow_run": flow_run}
    connection.execute(
        t.approvals.insert().values(
            **values, evidence_hash=evidence_hash(evidence), state="requested", requested=time.time()
        )
    )
    return request(connection, run, number)


def _holds(latest: Approval, evidence: dict[str, Any]) -> bool:
    whole = evidence_hash(latest.evidence) == latest.evidence_hash
    open_or_good = latest.state == "requested" or latest.valid
    return whole and open_or_good and binding(latest.evidence) == binding(evidence)


def latest_approval(connection: sa.Connection, run: str, gate: str) -> Approval | None:
    found = [approval for approval in approvals(connection, run) if approval.gate == gate]
    return found[-1] if found else None


def open_request(connection: sa.Connection, run: str, gate: str | None = None) -> Approval | None:
    """The latest request that waits for an answer; of any gate where none is named."""
    found = [each for each in approvals(connection, run) if each.state == "requested" and gate in (None, each.gate)]
    return found[-1] if found else None


def request(connection: sa.Connection, run: str, number: int) -> Approval:
    found = [each for each in approvals(connection, run) if each.number == number]
    if not found:
        raise InvalidApproval(f"run {run} has no request {number}", mend="see `landbridge status` for those it has")
    return found[0]


def approvals(connection: sa.Connection, run: str) -> list[Approval]:
    query = sa.select(t.approvals).where(t.approvals.c.run == run).order_by(t.approvals.c.number)
    said = _decisions(connection, run)
    return [
        Approval(**{k: v for k, v in row._mapping.items() if k != "run"}, decisions=tuple(said.get(row.number, ())))
        for row in connection.execute(query)
    ]


def _decisions(connection: sa.Connection, run: str) -> dict[int, list[Decision]]:
    c = t.decisions.c
    found: dict[int, list[Decision]] = {}
    for row in connection.execute(sa.select(t.decisions).where(c.run == run).order_by(c.number, c.place)):
        values = {name: value for name, value in row._mapping.items() if name not in ("run", "number")}
        found.setdefault(row.number, []).append(Decision(**values))
    return found

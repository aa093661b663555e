"""
Answers to a request at a gate. It is open until enough persons have approved it or one has rejected it; what they said
is proven where the codes can be read, which is where the run is (`settle`).
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from landbridge.approving import (
    Answer,
    Rules,
    must_be_listed,
    must_have_seen,
    person,
    proof,
    proves,
    rules_in,
)
from landbridge.errors import InvalidApproval
from landbridge.ledger import layout as t
from landbridge.ledger.approvals import Approval, Decision, request


def decide(
    connection: sa.Connection, run: str, number: int, answer: Answer, codes: Mapping[str, str] | None = None
) -> Approval:
    """
    Answer an open request; what it is now. codes: by person, where they can be read, to refuse a wrong one at once;
    `settle` decides. Raises InvalidApproval when the answer does not count, or the request is no longer open.
    """
    c = t.approvals.c
    connection.execute(sa.select(c.state).where(c.run == run, c.number == number).with_for_update()).all()
    asked = request(connection, run, number)
    _must_be_open(asked, run, answer)
    must_have_seen(answer, asked.evidence_hash)
    told = rules_in(asked.evidence)
    must_be_listed(answer, told)
    made = _decision(asked, run, answer, told)
    if codes is not None and told.approvers and not _is_proven(made, run, number, codes):
        raise InvalidApproval(
            f"the code is not that of {made.by}", mend="nothing was recorded; answer again with the right code"
        )
    connection.execute(t.decisions.insert().values(run=run, number=number, **vars(made)))
    return _count(connection, run, number)


def _must_be_open(asked: Approval, run: str, answer: Answer) -> None:
    if asked.state != "requested":
        raise InvalidApproval(
            f"request {asked.number} of run {run} is no longer open", mend="see `landbridge status` for the latest one"
        )
    if not answer.by.strip() or not answer.reason.strip():
        raise InvalidApproval("an answer without a name or a reason is none", mend="give both; both are kept")
    if person(answer.by) in {person(decision.by) for decision in asked.counted}:
        raise InvalidApproval(f"{answer.by.strip()} has approved this already", mend="another person must, too")


def _decision(asked: Approval, run: str, answer: Answer, told: Rules) -> Decision:
    now = time.time()
    lasts = told.expires if answer.expires is None else min(answer.expires, told.expires)
    made = Decision(
        place=len(asked.decisions), approve=answer.approve, by=answer.by.strip(), reason=answer.reason.strip(),
        evidence_hash=asked.evidence_hash, proof="", verified=False, decided=now, expires=now + lasts, void="",
    )  # fmt: skip
    return replace(made, proof=proof(answer.code, made.said(run, asked.number))) if told.approvers else made


def _is_proven(decision: Decision, run: str, number: int, codes: Mapping[str, str]) -> bool:
    code = codes.get(person(decision.by), "")
    return bool(code) and proves(decision.proof, code, decision.said(run, number))


def settle(connection: sa.Connection, run: str, number: int, codes: Mapping[str, str]) -> Approval:
    """
    Look at every answer to a request again: those that have expired, are of other evidence, or whose code is not the
    person's are void, and the request is open again where too few are left. codes: of all approvers, by person.
    """
    asked = request(connection, run, number)
    told, c = rules_in(asked.evidence), t.decisions.c
    for decision in asked.counted:
        why = _why_void(decision, asked, run, codes)
        which = (c.run == run) & (c.number == number) & (c.place == decision.place)
        connection.execute(
            t.decisions.update().where(which).values(void=why, verified=bool(told.approvers and not why))
        )
    return _count(connection, run, number)


def _why_void(decision: Decision, asked: Approval, run: str, codes: Mapping[str, str]) -> str:
    told = rules_in(asked.evidence)
    if decision.approve and time.time() >= decision.expires:
        return "it has expired"
    if decision.evidence_hash != asked.evidence_hash:
        return "it is about other evidence"
    if not told.listed(decision.by):
        return "not by an approver of the plan"
    if told.approvers and not _is_proven(decision, run, asked.number, codes):
        return "the code was not this person's"
    return ""


def _count(connection: sa.Connection, run: str, number: int) -> Approval:
    """The request's state by the answers that count: one rejection is enough, approvals as many as the plan wants."""
    asked = request(connection, run, number)
    if asked.state == "void":
        return asked
    against = [decision for decision in asked.counted if not decision.approve]
    agreed = list({person(decision.by): decision for decision in asked.counted if decision.approve}.values())
    enough = len(agreed) >= rules_in(asked.evidence).persons
    state = "rejected" if against else "approved" if enough else "requested"
    values = {"state": state} | _outcome(against or (agreed if enough else []))
    c = t.approvals.c
    connection.execute(t.approvals.update().where(c.run == run, c.number == number).values(**values))
    return request(connection, run, number)


def _outcome(said: list[Decision]) -> dict[str, Any]:
    if not said:
        return {"approved_by": None, "reason": None, "decided": None, "expires": None}
    return {
        "approved_by": ", ".join(decision.by for decision in said),
        "reason": "; ".join(decision.reason for decision in said),
        "decided": max(decision.decided for decision in said),
        "expires": min(decision.expires for decision in said) if said[0].approve else None,
    }

"""
What makes an approval good: on which evidence, by whom, with whose code. Rules only; what was said is kept by the
ledger (landbridge/ledger/approvals.py) and asked for at the gate (tasks/approval.py).
"""

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from landbridge.errors import InvalidApproval
from landbridge.plan import CutoverSettings, read_secret, seconds

RULES = "approval"
MAY_CHANGE = "may_change"
_SHORTEST_HASH = 12


@dataclass(frozen=True, kw_only=True)
class Rules:
    """persons: how many must approve. approvers: who may, none listed: anybody. expires: seconds at most."""

    persons: int = 1
    approvers: tuple[str, ...] = ()
    expires: float = 86_400.0

    def as_facts(self) -> dict[str, Any]:
        names = "verified by their codes" if self.approvers else "not verified"
        return {"persons": self.persons, "approvers": list(self.approvers), "expires": self.expires, "names": names}

    def listed(self, name: str) -> bool:
        return not self.approvers or person(name) in {person(each) for each in self.approvers}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What somebody says at a gate. evidence: the hash that they saw, its first 12 letters at least."""

    approve: bool
    by: str
    reason: str
    evidence: str
    expires: float | None = None
    code: str = field(default="", repr=False)


def rules(settings: CutoverSettings) -> Rules:
    return Rules(
        persons=settings.approvals,
        approvers=tuple(approver.name for approver in settings.approvers),
        expires=seconds(settings.approval_expires),
    )


def rules_in(evidence: Mapping[str, Any]) -> Rules:
    """Those that the evidence was frozen with, so that whoever answers is held to what the run asks for."""
    told = evidence.get(RULES) or {}
    known = {name: told[name] for name in ("persons", "expires") if name in told}
    return Rules(approvers=tuple(told.get("approvers", ())), **known)


def codes(settings: CutoverSettings) -> dict[str, str]:
    """Every approver's code, by person. Raises PlanError when one leads nowhere."""
    return {person(approver.name): read_secret(approver.code) for approver in settings.approvers}


def person(name: str) -> str:
    """Two spellings of one name are one person."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def frozen(evidence: Mapping[str, Any]) -> bytes:
    """The evidence as the bytes that its hash is of."""
    return json.dumps(evidence, sort_keys=True).encode()


def evidence_hash(evidence: Mapping[str, Any]) -> str:
    return hashlib.sha256(frozen(evidence)).hexdigest()


def binding(evidence: Mapping[str, Any]) -> bytes:
    """What must still be so for an approval to stand: all but what the evidence itself says may change."""
    moving = {MAY_CHANGE, *evidence.get(MAY_CHANGE, ())}
    return frozen({key: value for key, value in evidence.items() if key not in moving})


def must_have_seen(answer: Answer, shown: str) -> None:
    """Raises InvalidApproval unless the answer carries the hash of the evidence that is asked about."""
    given = answer.evidence.strip().lower()
    if len(given) < _SHORTEST_HASH or not hmac.compare_digest(given.encode(), shown[: len(given)].encode()):
        raise InvalidApproval(
            "the answer is not about the evidence that the gate shows now",
            mend="read it (`landbridge approve PLAN --show`, or the page `evidence` of the run) and give its hash",
        )


def must_be_listed(answer: Answer, told: Rules) -> None:
    if not told.listed(answer.by):
        raise InvalidApproval(
            f"{answer.by!r} is not among the approvers of the plan",
            mend=f"one of them must answer: {', '.join(told.approvers)}",
        )
    if told.approvers and not answer.code:
        raise InvalidApproval(
            f"the plan wants the code of {answer.by}", mend="give it: in the form, or with --code env:NAME or file:PATH"
        )


def proof(code: str, said: tuple[object, ...]) -> str:
    """
    Shows that whoever said this knew the code, and tells nothing of the code: scrypt (RFC 7914, 16 MB), salted with all
    that was said, so that it proves no other answer.
    """
    salt = hashlib.sha256(json.dumps(said).encode()).digest()
    return hashlib.scrypt(code.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32).hex()


def proves(given: str, code: str, said: tuple[object, ...]) -> bool:
    return hmac.compare_digest(given.encode(), proof(code, said).encode())

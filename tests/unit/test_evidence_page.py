"""What the evidence says, in words."""

from typing import Any

from landbridge.approving import RULES, Rules
from landbridge.evidence.page import question, rehearsed, wanted

LAST: dict[str, Any] = {"finished": 0.0, "summary": "all 7 rows equal", "plan_hash": "a"}


def test_a_rehearsal_of_another_plan_is_told_apart() -> None:
    assert rehearsed({"rehearsal": None, "plan_hash": "a"}) == "not rehearsed"
    assert rehearsed({"rehearsal": LAST, "plan_hash": "a"}) == "rehearsed 1970-01-01 00:00 UTC: all 7 rows equal"
    assert "with another plan than this: all 7" in rehearsed({"rehearsal": LAST, "plan_hash": "b"})


def test_whose_approval_it_takes_and_whether_names_are_proven() -> None:
    assert wanted({RULES: Rules().as_facts()}) == "wanted: 1 person (name not verified)"
    told = {RULES: Rules(persons=2, approvers=("anna", "bob")).as_facts()}
    assert wanted(told) == "wanted: 2 persons of anna, bob, with their codes"


def test_each_gate_asks_its_own_question() -> None:
    asked = [question({"gate": gate, "plan": "shop"}) for gate in ("cutover", "rollback", "other")]
    assert asked == ["Switch shop over?", "Take shop back?", "Open the gate other of shop?"]

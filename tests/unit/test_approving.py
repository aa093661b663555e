"""What makes an approval good, before any ledger."""

from typing import Any

import pytest

from landbridge import approving
from landbridge.approving import Answer, Rules
from landbridge.errors import InvalidApproval, PlanError
from landbridge.plan import CutoverSettings, parse_plan

EVIDENCE = {"equal": True, "lag_seconds": 1.5, "run": "shop_1", approving.MAY_CHANGE: ["lag_seconds"]}
HASH = approving.evidence_hash(EVIDENCE)
TWO = CutoverSettings.model_validate(
    {"approvals": 2, "approvers": [{"name": "Anna", "code": "env:A_CODE"}, {"name": "Bob", "code": "env:B_CODE"}]}
)


def answer(**changed: Any) -> Answer:
    return Answer(**{"approve": True, "by": "Anna", "reason": "ready", "evidence": HASH, "code": "1234"} | changed)


def test_the_hash_is_that_of_the_frozen_bytes_whatever_the_order_of_the_keys() -> None:
    assert approving.evidence_hash(dict(reversed(EVIDENCE.items()))) == HASH
    assert approving.frozen({"b": 1, "a": "ü"}) == b'{"a": "\\u00fc", "b": 1}'
    # printf .{"a": 1}. | sha256sum
    assert approving.evidence_hash({"a": 1}) == "f9d86028c6e0d64e225186f96acb69338b2c59764df79162107f5c4bb34d1310"


def test_what_may_change_binds_nobody_and_everything_else_does() -> None:
    assert approving.binding(EVIDENCE | {"lag_seconds": 9.0}) == approving.binding(EVIDENCE)
    for change in ({"equal": False}, {"run": "shop_2"}, {"rejected_rows": 1}):
        assert approving.binding(EVIDENCE | change) != approving.binding(EVIDENCE)


@pytest.mark.parametrize("given", ["", HASH[:11], "0" * 64, HASH[1:], HASH + "0"])
def test_who_has_not_seen_the_evidence_cannot_answer(given: str) -> None:
    with pytest.raises(InvalidApproval, match="not about the evidence"):
        approving.must_have_seen(answer(evidence=given), HASH)


@pytest.mark.parametrize("given", [HASH, HASH[:12], f" {HASH.upper()}\n"])
def test_the_beginning_of_the_hash_is_enough(given: str) -> None:
    approving.must_have_seen(answer(evidence=given), HASH)


def test_only_listed_approvers_count_and_their_spelling_does_not() -> None:
    told = approving.rules(TWO)
    assert told == Rules(persons=2, approvers=("Anna", "Bob"), expires=86_400)
    approving.must_be_listed(answer(by="  ANNA "), told)
    with pytest.raises(InvalidApproval, match="not among the approvers"):
        approving.must_be_listed(answer(by="Cid"), told)
    with pytest.raises(InvalidApproval, match="wants the code"):
        approving.must_be_listed(answer(code=""), told)
    approving.must_be_listed(answer(by="anybody", code=""), Rules())
    assert approving.person(" Ada  Lovelace") == approving.person("ADA LOVELACE")
    assert approving.person("Ａda") == approving.person("Ada"), "letters that only look otherwise"


def test_the_rules_travel_in_the_evidence() -> None:
    told = approving.rules(TWO)
    assert approving.rules_in({approving.RULES: told.as_facts()}) == told
    assert told.as_facts()["names"] == "verified by their codes"
    assert approving.rules(CutoverSettings()).as_facts()["names"] == "not verified"


def test_a_proof_is_of_one_answer_by_one_code() -> None:
    said = ("run", 1, "approve", "anna", HASH, 1000)
    given = approving.proof("1234", said)
    assert approving.proves(given, "1234", said)
    assert not approving.proves(given, "1235", said)
    assert not approving.proves("", "1234", said)
    for place, other in enumerate(("run2", 2, "reject", "bob", "0" * 64, 1001)):
        changed = (*said[:place], other, *said[place + 1 :])
        assert not approving.proves(given, "1234", changed), changed
    assert "1234" not in repr(answer())


def test_codes_are_read_where_they_are_and_a_missing_one_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_CODE", "first")
    monkeypatch.delenv("B_CODE", raising=False)
    with pytest.raises(PlanError, match="env:B_CODE is not set"):
        approving.codes(TWO)
    monkeypatch.setenv("B_CODE", "second")
    assert approving.codes(TWO) == {"anna": "first", "bob": "second"}


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"approvals": 0}, "greater than or equal to 1"),
        ({"approvals": 2, "approvers": [{"name": "a", "code": "env:A"}]}, "2 persons must approve, and 1 are listed"),
        ({"approvers": [{"name": "a", "code": "env:A"}, {"name": "A ", "code": "env:B"}]}, "have one name"),
        ({"approvers": [{"name": "a", "code": "geheim"}]}, "never as itself"),
        ({"approvers": [{"name": "a", "code": "env:A", "mail": "x"}]}, "known here: name, code"),
    ],
)
def test_a_plan_that_could_never_be_approved_is_refused(settings: dict[str, Any], fault: str) -> None:
    end = {"engine": "postgres", "host": "127.0.0.1", "user": "u"}
    plan = {"name": "p", "source": end, "target": end, "tables": [{"include": "*"}], "cutover": settings}
    with pytest.raises(PlanError, match=fault):
        parse_plan(plan)

"""Names of transactions and sets of them: as servers write them, and as the stream tells what it has passed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysqlreplication.constants import BINLOG

from landbridge.change import Transaction, passed_by
from landbridge.endpoints.mysql.log import events
from landbridge.endpoints.mysql.log.gtid import UNKNOWN, GtidSet, span_of
from landbridge.endpoints.mysql.log.passed import Passed
from landbridge.errors import Unsupported
from landbridge.model import Position

UUID = "e8562eac-e6d0-11f1-90a8-02fc00000001"
PLAIN = "01e8562eace6d011f190a802fc00000001020000000000000002010000000000000002000000"
TAGGED = (
    "027600000002a103ac5cb1029903410322c5034102a10204f103000000020404060a6d7974616708080a0c0c7f88cc9c48e66006105d041283"
    "120b"
)
"""Recorded from 9.7: transaction 2, and the first one with the tag `mytag`."""


def _event(kind: int, body: bytes) -> tuple[int, int, int, int, bytes]:
    return kind, 0, 0, 0, body


def _mysql(number: int) -> tuple[int, int, int, int, bytes]:
    body = bytes.fromhex(PLAIN)
    return _event(BINLOG.GTID_LOG_EVENT, body[:17] + number.to_bytes(8, "little") + body[25:])


def test_names_of_transactions() -> None:
    assert span_of(_event(BINLOG.GTID_LOG_EVENT, bytes.fromhex(PLAIN))) == (UUID, 2, 2)
    assert span_of(_event(events.GTID_TAGGED, bytes.fromhex(TAGGED))) == (f"{UUID}:mytag", 1, 1)
    assert span_of(_event(BINLOG.ANONYMOUS_GTID_LOG_EVENT, bytes(60))) is None
    mariadb = (77).to_bytes(8, "little") + (3).to_bytes(4, "little") + bytes(7) + (9).to_bytes(4, "little")
    assert span_of(_event(BINLOG.MARIADB_GTID_EVENT, mariadb)) == ("3-9", 1, 77)
    with pytest.raises(Unsupported):
        span_of(_event(events.GTID_TAGGED, bytes(60)))


def test_sets_as_servers_write_them() -> None:
    found = GtidSet.of_server(f"{UUID.upper()}:1-3:5:mytag:1:other:2-3,\n{UUID[:-1]}2:7", mariadb=False)
    assert list(found) == [
        (UUID, 1, 3),
        (UUID, 5, 5),
        (f"{UUID}:mytag", 1, 1),
        (f"{UUID}:other", 2, 3),
        (f"{UUID[:-1]}2", 7, 7),
    ]
    assert list(GtidSet(str(found))) == list(found)
    assert list(GtidSet.of_server("[0-1-100, 0-2-5,3-1-7]", mariadb=True)) == [
        ("0-1", 1, 100),
        ("0-2", 1, 5),
        ("3-1", 1, 7),
    ]
    assert not GtidSet.of_server("[]", mariadb=True)
    with pytest.raises(Unsupported):
        GtidSet(f"{UUID}:1-!")


NUMBERS = st.sets(st.integers(1, 40))


@given(NUMBERS, NUMBERS, st.randoms())
def test_sets_are_sets(one: set[int], other: set[int], chance: object) -> None:
    def made(numbers: set[int]) -> GtidSet:
        found = GtidSet()
        order = list(numbers)
        chance.shuffle(order)  # type: ignore[attr-defined]
        for number in order:
            found.add("a", number, number)
        return found

    def numbers(found: GtidSet) -> set[int]:
        return {number for _, first, last in found for number in range(first, last + 1)}

    left, right = made(one), made(other)
    assert numbers(left) == one
    assert all(first < later for (_, _, first), (_, later, _) in zip(left, list(left)[1:], strict=False))
    assert numbers(left.lacking(right)) == other - one
    assert {number for number in range(1, 41) if left.has(("a", number, number))} == one
    assert numbers(GtidSet(str(left))) == one
    left.update(right)
    assert numbers(left) == one | other


def told(passed: Passed, *numbers: int) -> str:
    for number in numbers:
        passed.begin(_mysql(number))
        passed.end()
    return passed.told()


def test_what_was_passed_is_told_whole_now_and_then() -> None:
    passed = Passed(GtidSet(f"{UUID}:1-5"))
    heard = [told(passed), told(passed, 6), told(passed), told(passed, 7, 8), told(passed, 9)]
    assert heard == [f"{UUID}:1-5", f"+{UUID}:6", "", f"{UUID}:1-8", f"+{UUID}:9"]
    more = [told(passed, number) for number in range(10, 230)]
    assert sum(not text.startswith("+") for text in more) in (2, 3)
    transactions = [Transaction(Position(""), 0.0, [], passed=text) for text in heard + more]
    for upto in range(1, len(transactions) + 1):
        whole = GtidSet(passed_by("", transactions[:upto]))
        assert str(whole) == str(
            GtidSet(passed_by(passed_by("", transactions[: upto // 2]), transactions[upto // 2 : upto]))
        )
    assert str(whole) == f"{UUID}:1-229"


def test_a_transaction_that_ends_is_passed_and_one_that_does_not_is_not() -> None:
    passed = Passed(GtidSet())
    passed.begin(_mysql(1))
    passed.begin(_mysql(2))  # the server died while it wrote the one before
    passed.end()
    assert passed.told() == f"{UUID}:2"


def test_transactions_without_names_end_what_is_known() -> None:
    passed = Passed(GtidSet(f"{UUID}:1-5"))
    assert told(passed, 6) == f"{UUID}:1-6"
    assert not passed.begin(_event(BINLOG.ANONYMOUS_GTID_LOG_EVENT, bytes(60)))
    passed.end()
    assert told(passed, 7) == UNKNOWN
    assert Passed(GtidSet(), known=False).told() == UNKNOWN
    assert Passed().told() == ""


def test_what_another_server_had_is_left_out() -> None:
    passed = Passed(GtidSet(f"{UUID}:1-2"), GtidSet(f"{UUID}:1-5:7"))
    assert [passed.begin(_mysql(number)) for number in range(3, 9)] == [True, True, True, False, True, False]
    passed.end()
    assert passed.told() == f"{UUID}:1-5:7-8".replace(":7", f",{UUID}:7")

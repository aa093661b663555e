"""The ledger's promises, on a real target: one landing for each segment, one owner of the stream, one open request."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from landbridge import approving, ledger
from landbridge.approving import Answer, Rules
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.errors import Fenced, InvalidApproval, PlanError, Terminal
from landbridge.evidence import gather
from landbridge.evidence.facts import plan_hash
from landbridge.kinds import Int
from landbridge.model import EVERYTHING, Column, ColumnMap, Copied, Key, Position, Segment, Table, TableMap, TableName
from landbridge.plan import EndpointRef, Plan, parse_plan

T = Table(
    name=TableName(schema="public", name="t"),
    columns=(Column(name="id", kind=Int(bits=32), native="integer", nullable=False),),
    primary_key=Key(name="t_pkey", columns=("id",)),
)
MAP = TableMap(number=0, source=T, target=T, columns=(ColumnMap(source=T.columns[0], target=T.columns[0]),))


def _plan(**changed: Any) -> Plan:
    end = {"engine": "postgres", "host": "127.0.0.1", "user": "postgres"}
    return parse_plan({"name": "a-plan", "source": end, "target": end, "tables": [{"include": "public.*"}]} | changed)


@pytest.fixture(scope="module")
def kept() -> Iterator[dict[str, sa.Engine]]:
    """Where a server has one ledger for all its databases, it is emptied after each test: making it takes a second."""
    engines: dict[str, sa.Engine] = {}
    yield engines
    for engine in engines.values():
        with engine.begin() as connection:
            connection.execute(sa.schema.DropSchema(ledger.SCHEMA, if_exists=True))


@pytest.fixture(params=["postgres_server", "mariadb_server", "mariadb11_server", "mysql_server"])
def engine(
    request: pytest.FixtureRequest, postgres_database: Callable[..., str], kept: dict[str, sa.Engine]
) -> Iterator[sa.Engine]:
    server, shared = request.getfixturevalue(request.param), request.param != "postgres_server"
    ref = EndpointRef(
        engine="mysql" if shared else "postgres", host=server.host, port=server.port, user=server.user,
        database=None if shared else postgres_database(server),
    )  # fmt: skip
    engine = connect(ref).get(Connects).engine()
    if shared:
        engine = kept.setdefault(request.param, engine)
    with engine.begin() as connection:
        ledger.open_ledger(connection)
    yield engine
    if shared:
        with engine.begin() as connection:
            for table in ledger.layout.metadata.sorted_tables:
                connection.execute(table.delete())
    engine.dispose()


@pytest.fixture
def run(engine: sa.Engine) -> str:
    with engine.begin() as connection:
        return ledger.begin_run(
            connection, _plan(), "server-1", ledger.Blueprint(tables=(MAP,), sequences=(), types=())
        ).run


def test_opening_again_changes_nothing_and_a_run_is_found_again(engine: sa.Engine, run: str) -> None:
    with engine.begin() as connection:
        ledger.open_ledger(connection)
        found = ledger.find_run(connection, _plan())
        assert found is not None
        assert found.run == run
        assert ledger.tables(connection, run) == [MAP]


def test_a_changed_plan_is_refused(engine: sa.Engine, run: str) -> None:
    with engine.begin() as connection, pytest.raises(PlanError, match="has changed since its run"):
        ledger.find_run(connection, _plan(tables=[{"include": "public.t"}]))


def test_a_segment_lands_once_and_a_second_claim_waits_for_the_first(engine: sa.Engine, run: str) -> None:
    with engine.begin() as connection:
        ledger.plan_segments(connection, run, 0, [EVERYTHING])
    segment, second = Segment(table=0, number=0), []
    claimed, may_end = threading.Event(), threading.Event()

    def first() -> None:
        with engine.begin() as connection:
            assert ledger.claim_segment(connection, run, segment)
            claimed.set()
            may_end.wait(10)
            ledger.finish_segment(connection, run, segment, Copied(rows=5, bytes=50, position=Position("7")))

    def other() -> None:
        with engine.begin() as connection:
            second.append(ledger.claim_segment(connection, run, segment))

    threads = [threading.Thread(target=first), threading.Thread(target=other)]
    threads[0].start()
    claimed.wait(10)
    threads[1].start()
    threads[1].join(0.3)
    assert second == []
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert second == [False]


def test_a_rolled_back_segment_is_open_again(engine: sa.Engine, run: str) -> None:
    segment = Segment(table=0, number=0)
    with engine.begin() as connection:
        ledger.plan_segments(connection, run, 0, [EVERYTHING])
    with engine.connect() as connection:
        assert ledger.claim_segment(connection, run, segment)
        connection.rollback()
    with engine.begin() as connection:
        assert ledger.open_segments(connection, run, 0) == [segment]
        with pytest.raises(Terminal, match="open segments"):
            ledger.finish_table(connection, run, 0, exact=False)


def test_no_segment_lands_once_apply_may_write(engine: sa.Engine, run: str) -> None:
    segment = Segment(table=0, number=0)
    with engine.begin() as connection:
        ledger.plan_segments(connection, run, 0, [EVERYTHING])
        assert ledger.claim_segment(connection, run, segment)
        ledger.finish_segment(connection, run, segment, Copied(rows=5, bytes=50, position=Position("7")))
        ledger.finish_table(connection, run, 0, exact=False)
        ledger.open_for_apply(connection, run)
    with engine.begin() as connection:
        assert not ledger.claim_segment(connection, run, segment)
        assert ledger.newest_read(connection, run) == "7"
        state = ledger.table_states(connection, run)[0]
        assert (state.state, state.rows, state.bytes) == ("applying", 5, 50)


def test_apply_may_not_begin_while_a_table_loads(engine: sa.Engine, run: str) -> None:
    with engine.begin() as connection, pytest.raises(Terminal, match="not loaded"):
        ledger.open_for_apply(connection, run)


def test_the_position_moves_only_for_its_owner(engine: sa.Engine, run: str) -> None:
    with engine.begin() as connection:
        ledger.start_stream(connection, run, Position("1"))
        old = ledger.take_over(connection, run)
        ledger.advance(connection, run, Position("1"), Position("2"), old, 10, 1.0)
        new = ledger.take_over(connection, run)
    with engine.begin() as connection, pytest.raises(Fenced):
        ledger.advance(connection, run, Position("2"), Position("3"), old, 1, 1.0)
    with engine.begin() as connection, pytest.raises(Fenced):
        ledger.advance(connection, run, Position("1"), Position("3"), new, 1, 1.0)
    with engine.begin() as connection:
        row = ledger.read_stream(connection, run)
        assert (row.position, row.changes, row.epoch) == ("2", 10, new)


def test_the_consistent_point_only_grows(engine: sa.Engine, run: str) -> None:
    with engine.begin() as connection:
        ledger.start_stream(connection, run, Position("1"))
        for position in ("5", "3", "8"):
            ledger.raise_consistent(connection, run, Position(position))
        assert ledger.read_stream(connection, run).consistent == "8"


def test_the_cutover_moves_by_compare_and_set(engine: sa.Engine, run: str) -> None:
    with engine.begin() as connection:
        state, epoch, _ = ledger.cutover_row(connection, run)
        assert state == "idle"
        later = ledger.move(connection, run, "idle", "freezing", epoch, {"a": 1})
    for wrong in (("idle", epoch), ("freezing", epoch), ("frozen", later)):
        with engine.begin() as connection, pytest.raises(Fenced):
            ledger.move(connection, run, wrong[0], "done", wrong[1], {})
    with engine.begin() as connection:
        assert ledger.cutover_row(connection, run) == ("freezing", later, {"a": 1})


def test_the_inventory_keeps_one_line_an_object(engine: sa.Engine, run: str) -> None:
    with engine.begin() as connection:
        ledger.record(connection, run, [ledger.Item(kind="index", name="i", parent="s.t", status="planned")])
        ledger.record(connection, run, [ledger.Item(kind="index", name="i", parent="s.t", status="migrated")])
        ledger.record(connection, run, [ledger.Item(kind="index", name="i", parent="s.u", status="planned")])
        assert ledger.summary(connection, run) == {"index": {"migrated": 1, "planned": 1}}


def test_positions_and_names_are_their_bytes(engine: sa.Engine, run: str) -> None:
    with engine.begin() as connection:
        ledger.start_stream(connection, run, Position("a"))
        for position in ("Z", "_", "z", "A", "y", "z"):
            ledger.raise_consistent(connection, run, Position(position))
        assert ledger.read_stream(connection, run).consistent == "z"
        ledger.plan_segments(connection, run, 0, [EVERYTHING] * 4)
        for number, position in enumerate(("B", "a", "Z", "_")):
            segment = Segment(table=0, number=number)
            assert ledger.claim_segment(connection, run, segment)
            ledger.finish_segment(connection, run, segment, Copied(rows=1, bytes=1, position=Position(position)))
        assert ledger.newest_read(connection, run) == "a"
        for name in ("t", "T", "t\u0301", "ü"):
            ledger.record(connection, run, [ledger.Item(kind="view", name=name, status="planned")])
        assert sorted(item.name for item in ledger.items(connection, run)) == ["T", "t", "t\u0301", "ü"]


def test_a_ledger_is_missed_where_there_is_none(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        assert ledger.exists(connection)
        ledger.layout.metadata.drop_all(connection)
        assert not ledger.exists(connection)
        connection.execute(sa.schema.DropSchema(ledger.SCHEMA))
        assert not ledger.exists(connection)
        ledger.open_ledger(connection)


def test_times_and_documents_come_back_as_they_were(engine: sa.Engine, run: str) -> None:
    detail = {"b": [1, 2.5, None, "ü\\n\n"], "a": {"😀": 1e300, "n": 12345678901234567}}
    with engine.begin() as connection:
        ledger.finish_phase(connection, run, "load", detail)
        row = ledger.phase_row(connection, run, "load")
        assert row is not None
        assert row.detail == detail
        ledger.start_stream(connection, run, Position("1"))
        epoch = ledger.take_over(connection, run)
        ledger.advance(connection, run, Position("1"), Position("2"), epoch, 2**40, 1700000000.123456)
        ledger.reject(connection, run, 0, "ü" * 100_000)
        assert ledger.rejects(connection, run) == [(0, "ü" * 100_000)]
        stream = ledger.read_stream(connection, run)
        assert (stream.committed, stream.changes) == (1700000000.123456, 2**40)


EVIDENCE = {"rows": 7, "lag": 0.1 + 0.2, "name": "ü", approving.MAY_CHANGE: ["lag"]}
BY_CODE = EVIDENCE | {approving.RULES: Rules(persons=2, approvers=("Anna", "Bob"), expires=60.0).as_facts()}
CODES = {"anna": "geheim", "bob": "secret"}


def _ask(engine: sa.Engine, run: str, evidence: dict[str, Any], flow_run: str = "f1") -> ledger.Approval:
    with engine.begin() as connection:
        return ledger.request_approval(connection, run, "cutover", evidence, flow_run)


def _say(engine: sa.Engine, run: str, asked: ledger.Approval, by: str, **said: Any) -> ledger.Approval:
    codes = said.pop("codes", None)
    given = {"approve": True, "by": by, "reason": "ready", "evidence": asked.evidence_hash} | said
    with engine.begin() as connection:
        return ledger.decide(connection, run, asked.number, Answer(**given), codes)


def _settle(engine: sa.Engine, run: str, asked: ledger.Approval) -> ledger.Approval:
    with engine.begin() as connection:
        return ledger.settle(connection, run, asked.number, CODES)


def test_an_approval_holds_as_long_as_its_evidence_and_its_time(engine: sa.Engine, run: str) -> None:
    first = _ask(engine, run, EVIDENCE)
    assert _ask(engine, run, EVIDENCE | {"lag": 5}, "f2").number == first.number, "lag may change"
    second = _ask(engine, run, EVIDENCE | {"rows": 8})
    with pytest.raises(InvalidApproval, match="no longer open"):
        _say(engine, run, first, "Ada")
    assert _say(engine, run, second, "Ada", expires=0.0).valid is False
    third = _ask(engine, run, EVIDENCE | {"rows": 8})
    assert (third.number, third.state) == (second.number + 1, "requested")
    assert _say(engine, run, third, "Ada").valid is True
    assert _ask(engine, run, EVIDENCE | {"rows": 8}).number == third.number
    changed = _ask(engine, run, EVIDENCE | {"rows": 9})
    assert (changed.number, changed.state) == (third.number + 1, "requested")
    with engine.connect() as connection:
        states = [each.state for each in ledger.approvals(connection, run)]
    assert states == ["void", "void", "void", "requested"]


def test_evidence_that_somebody_changed_in_the_ledger_is_asked_about_anew(engine: sa.Engine, run: str) -> None:
    asked = _ask(engine, run, EVIDENCE)
    assert _say(engine, run, asked, "Ada").valid
    forged = EVIDENCE | {"rows": 8}
    with engine.begin() as connection:
        connection.execute(ledger.layout.approvals.update().values(evidence=forged))
    assert _ask(engine, run, forged).number == asked.number + 1


def test_nobody_approves_what_is_not_asked(engine: sa.Engine, run: str) -> None:
    asked = _ask(engine, run, EVIDENCE)
    with pytest.raises(InvalidApproval, match="not about the evidence"):
        _say(engine, run, asked, "Ada", evidence="0" * 64)
    for nobody in ({"by": " "}, {"reason": ""}):
        with pytest.raises(InvalidApproval, match="without a name or a reason"):
            _say(engine, run, asked, **{"by": "Ada"} | nobody)
    with engine.connect() as connection:
        assert ledger.open_request(connection, run) == asked
        assert ledger.open_request(connection, run, "rollback") is None


def test_two_persons_are_two_names(engine: sa.Engine, run: str) -> None:
    evidence = EVIDENCE | {approving.RULES: Rules(persons=2).as_facts()}
    asked = _ask(engine, run, evidence)
    assert _say(engine, run, asked, "Ada").state == "requested"
    with pytest.raises(InvalidApproval, match="has approved this already"):
        _say(engine, run, asked, " ADA ")
    assert _ask(engine, run, evidence, "f2").names == "Ada (name not verified)", "the first answer is kept"
    done = _say(engine, run, asked, "Bob", reason="me too", expires=10.0)
    assert (done.state, done.approved_by, done.reason, done.valid) == ("approved", "Ada, Bob", "ready; me too", True)
    assert done.expires == min(decision.expires for decision in done.decisions)
    assert _settle(engine, run, done).names == "Ada (name not verified), Bob (name not verified)"


def test_one_rejection_is_enough(engine: sa.Engine, run: str) -> None:
    asked = _ask(engine, run, EVIDENCE | {approving.RULES: Rules(persons=2).as_facts()})
    _say(engine, run, asked, "Ada")
    assert _say(engine, run, asked, "Bob", approve=False).state == "rejected"
    assert _ask(engine, run, asked.evidence, "f1").state == "rejected", "for the run that asked"
    assert _ask(engine, run, asked.evidence, "f2").state == "requested", "another one asks again"


def test_a_code_is_proven_where_the_run_is_and_never_kept(engine: sa.Engine, run: str) -> None:
    asked = _ask(engine, run, BY_CODE)
    with pytest.raises(InvalidApproval, match="not among the approvers"):
        _say(engine, run, asked, "Cid", code="geheim")
    with pytest.raises(InvalidApproval, match="the code is not that of Anna"):
        _say(engine, run, asked, "Anna", code="secret", codes=CODES)
    _say(engine, run, asked, "Anna", code="geheim", codes=CODES)
    done = _say(engine, run, asked, "Bob", code="guessed")  # where nobody can read the codes
    assert done.state == "approved"
    settled = _settle(engine, run, done)
    assert (settled.state, settled.names) == ("requested", "Anna")
    assert settled.decisions[1].void == "the code was not this person's"
    _say(engine, run, asked, "Bob", code="secret")
    settled = _settle(engine, run, asked)
    assert (settled.state, settled.names, settled.valid) == ("approved", "Anna, Bob", True)
    with engine.connect() as connection:
        kept = str(connection.execute(sa.select(ledger.layout.decisions)).all())
    assert "geheim" not in kept
    assert "secret" not in kept


def test_an_answer_cannot_be_moved_to_another_request(engine: sa.Engine, run: str) -> None:
    first = _ask(engine, run, BY_CODE)
    _say(engine, run, first, "Anna", code="geheim")
    second = _ask(engine, run, BY_CODE | {"rows": 8})
    decisions = ledger.layout.decisions
    with engine.begin() as connection:
        moved = {"number": second.number, "evidence_hash": second.evidence_hash}
        connection.execute(decisions.update().values(**moved))
    assert _settle(engine, run, second).decisions[0].void == "the code was not this person's"


def test_an_answer_that_expires_while_another_is_waited_for_is_void(engine: sa.Engine, run: str) -> None:
    asked = _ask(engine, run, EVIDENCE | {approving.RULES: Rules(persons=2).as_facts()})
    _say(engine, run, asked, "Ada", expires=0.0)
    assert _settle(engine, run, asked).decisions[0].void == "it has expired"
    assert _say(engine, run, asked, "Bob").state == "requested"
    assert _say(engine, run, asked, "Ada").state == "approved"


def test_the_evidence_tells_of_the_last_rehearsal_and_a_later_one_voids_nothing(engine: sa.Engine, run: str) -> None:
    told = {name: name for name in ("finished", "summary", "plan_hash", "quantities", "switch", "forecast")}
    with engine.begin() as connection:
        before = gather(connection, _plan(), run, "cutover", 0.5)
        for number in (1, 2):
            document = told | {"equal": True, "regressions": [], "samples": [1], "finished": number}
            assert ledger.add_rehearsal(connection, "a-plan", document) == number
        ledger.add_rehearsal(connection, "another", told)
        after = gather(connection, _plan(), run, "cutover", 9.5)
    assert before["rehearsal"] is None
    assert after["rehearsal"] == told | {"equal": True, "regressions": [], "finished": 2}
    assert approving.binding(before) == approving.binding(after)
    assert after["plan_hash"] != plan_hash(_plan(cutover={"timeout": "1s"}))


def test_only_a_rehearsal_s_runs_are_forgotten(engine: sa.Engine, run: str) -> None:
    with engine.begin() as connection:
        blueprint = ledger.Blueprint(tables=(MAP,), sequences=(), types=())
        other = ledger.begin_run(connection, _plan(name="a-plan-rehearsal"), "server-1", blueprint).run
        for each in (run, other):
            ledger.start_stream(connection, each, Position("1"))
            ledger.start_phase(connection, each, "load")
        assert ledger.runs_of(connection, "a-plan-rehearsal") == [other]
        ledger.forget(connection, [other])
        assert ledger.runs_of(connection, "a-plan-rehearsal") == []
        assert not ledger.has_stream(connection, other)
        assert ledger.phases(connection, other) == []
        assert ledger.tables(connection, other) == []
        assert ledger.has_stream(connection, run)
        assert len(ledger.tables(connection, run)) == 1

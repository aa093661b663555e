"""Assessments of PostgreSQL: every check finds what is wrong, and nothing where all is right."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from landbridge import assessment
from landbridge.assessment import Assessment, checks
from landbridge.assessment.assess import TableFacts, table_facts
from landbridge.assessment.waves import waves
from landbridge.endpoints import connect
from landbridge.endpoints.surveying import Assesses
from landbridge.plan import Plan, parse_plan
from landbridge.precheck import look
from tests.pair import ref
from tests.support import postgres_connection, rows

WRONG = """
create function quiet() returns event_trigger language plpgsql as 'begin end';
create event trigger watcher on ddl_command_end execute function quiet();
create table country (id int primary key);
create table parent (id int primary key);
create table child (id int primary key, parent int references parent, country int references country);
alter table child add constraint positive check (id > 0) not valid;
create index child_id on child (id, parent);
create index child_id_again on child (id, parent);
create table "Child" (id serial primary key);
alter sequence "Child_id_seq" maxvalue 100;
select setval('"Child_id_seq"', 95);
create table notes (at timestamptz, body text);
create table busy (id int primary key) with (autovacuum_enabled = off);
insert into busy select n from generate_series(1, 15000) n;
delete from busy where id > 10;
insert into "Child" (id) values (1), (2);
select lo_create(0);
"""

RIGHT = """
create table parent (id int primary key);
create table child (id int generated always as identity primary key, parent int not null references parent);
create index child_parent on child (parent);
alter table child add constraint positive check (id > 0);
insert into parent select n from generate_series(1, 20) n;
insert into child (parent) select n from generate_series(1, 20) n;
analyze;
"""

NAMES = {
    "wal-sender-timeout", "decoding-memory", "slot-idle", "event-triggers", "index-invalid", "constraint-unproven",
    "large-objects", "dead-space", "statistics-missing", "collation-version", "workload-unseen", "similar-names",
    "reference-left-out", "foreign-key-without-index", "index-redundant", "large-value-without-key", "sequence-room",
}  # fmt: skip


@pytest.fixture(scope="module")
def counting(start_postgres: Callable[..., Any]) -> Any:
    """A server that counts statements."""
    return start_postgres("17", "wal_level=logical", "shared_preload_libraries=pg_stat_statements")


@pytest.fixture(scope="module")
def databases(counting: Any) -> Iterator[dict[str, str]]:
    made = {"wrong": "assess_wrong", "right": "assess_right"}
    with contextlib.closing(postgres_connection(counting)) as connection:
        for name in made.values():
            like = "template template0 encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8'"
            rows(connection, f"create database {name} {like}")
        rows(connection, "alter database assess_wrong set wal_sender_timeout = 5000")
        rows(connection, "alter database assess_right set logical_decoding_work_mem = '64MB'")
        rows(connection, "update pg_database set datcollversion = '0' where datname = 'assess_wrong'")
    for which, script in (("wrong", WRONG), ("right", "create extension pg_stat_statements;" + RIGHT)):
        with contextlib.closing(postgres_connection(counting, made[which])) as connection:
            for statement in filter(str.strip, script.split(";\n")):
                rows(connection, statement)
            if which == "wrong":
                with pytest.raises(Exception, match="could not create unique index"):
                    rows(connection, 'create unique index concurrently unfinished on "Child" ((1))')
            rows(connection, "select pg_stat_force_next_flush()")
    yield made
    with contextlib.closing(postgres_connection(counting)) as connection:
        for name in made.values():
            rows(connection, f"drop database {name} with (force)")


def plan(source: Any, database: str, target: Any, to: str, *rules: dict[str, str]) -> Plan:
    ends = {"source": ref("postgres", source, database), "target": ref("postgres", target, to)}
    return parse_plan({"name": database.replace("_", "-"), **ends, "tables": [{"include": "public.*"}, *rules]})


def found(each: Assessment) -> set[str]:
    assert all(finding.found and finding.wanted and finding.mend for finding in each.findings)
    return {finding.name for finding in each.findings}


def test_each_check_finds_what_is_wrong_and_is_silent_where_nothing_is(
    counting: Any, databases: dict[str, str], postgres_target_server: Any, postgres_database: Callable[..., str]
) -> None:
    to = postgres_database(postgres_target_server)
    with contextlib.closing(postgres_connection(counting)) as connection:
        rows(connection, "select pg_create_physical_replication_slot('forgotten')")
        try:
            given = plan(counting, databases["wrong"], postgres_target_server, to, {"exclude": "public.country"})
            wrong = assessment.assess(given)
        finally:
            rows(connection, "select pg_drop_replication_slot('forgotten')")
    right = assessment.assess(plan(counting, databases["right"], postgres_target_server, to))
    assert NAMES - found(wrong) == set()
    assert NAMES & found(right) == set()
    outcome = {made.check.name: made.outcome for made in right.checks}
    assert outcome["wal-level"] == outcome["dead-space"] == outcome["connections"] == "passed"
    assert "log-bin" not in outcome
    said = {finding.name: finding.found for finding in wrong.findings}
    assert "child.child_country_fkey to public.country" in said["reference-left-out"]
    assert said["index-redundant"].endswith("public.child.child_id_again")
    assert "95%" in said["sequence-room"]
    assert said["foreign-key-without-index"].count("public.child") == 2


def test_what_needs_a_great_database_or_another_place(
    counting: Any,
    databases: dict[str, str],
    postgres_target_server: Any,
    postgres_database: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = plan(counting, databases["right"], postgres_target_server, postgres_database(postgres_target_server))
    resolved = look(given, connect(given.source), connect(given.target))

    def names(plan: Plan) -> set[str]:
        return {finding.name for finding in checks.look(plan, resolved)}

    assert names(given) & {"tls-off", "same-database", "many-tables", "large-tables"} == set()
    far = given.source.model_copy(update={"host": "db.example", "tls": "disable"})
    assert "tls-off" in names(given.model_copy(update={"source": far}))
    assert "tls-off" not in names(given.model_copy(update={"source": far.model_copy(update={"tls": None})}))
    assert "same-database" in names(given.model_copy(update={"target": given.source}))
    monkeypatch.setattr(checks, "MANY_TABLES", 1)
    monkeypatch.setattr(checks, "LARGE_ROWS", 19)
    assert {"many-tables", "large-tables"} <= names(given)


def test_what_is_unused_is_told_after_a_day_of_counting(
    counting: Any, databases: dict[str, str], postgres_target_server: Any, postgres_database: Callable[..., str]
) -> None:
    given = plan(counting, databases["wrong"], postgres_target_server, postgres_database(postgres_target_server))
    resolved = look(given, connect(given.source), connect(given.target))
    survey = connect(given.source).get(Assesses).survey(resolved.tables)
    use = {each.name.name: each for each in survey.tables}
    assert (use["busy"].inserts, use["busy"].deletes, use["busy"].updates) == (15000, 14990, 0)
    assert use["busy"].bytes > 100_000
    assert use["notes"].writes == 0
    assert list(checks.unused(survey)) == []
    told = {finding.name: finding.found for finding in checks.unused(replace(survey, since=3 * 86_400.0))}
    assert "3 day(s)" in told["table-unused"]
    assert "public.notes" in told["table-unused"]
    assert "public.busy" not in told["table-unused"]
    assert "public.child.child_id_again" in told["index-unused"]


def test_rates_are_by_day_and_not_told_of_less_than_an_hour(
    counting: Any, databases: dict[str, str], postgres_target_server: Any, postgres_database: Callable[..., str]
) -> None:
    given = plan(counting, databases["wrong"], postgres_target_server, postgres_database(postgres_target_server))
    with contextlib.closing(postgres_connection(counting, databases["wrong"])) as connection:
        rows(connection, "analyze busy")
    resolved = look(given, connect(given.source), connect(given.target))
    survey = connect(given.source).get(Assesses).survey(resolved.tables)

    def busy(since: float) -> TableFacts:
        counted = replace(survey, since=since)
        return next(each for each in table_facts(resolved, counted) if each.name.name == "busy")

    assert (busy(3599).writes, busy(3599).growth) == (None, None)
    two_days = busy(2 * 86_400)
    assert two_days.rows == 10
    assert two_days.writes == (15000 + 14990) / 2
    assert two_days.growth == pytest.approx(10 * two_days.bytes / 10 / 2)


def test_tables_that_foreign_keys_tie_move_together_parents_first(
    counting: Any, databases: dict[str, str], postgres_target_server: Any, postgres_database: Callable[..., str]
) -> None:
    given = plan(counting, databases["wrong"], postgres_target_server, postgres_database(postgres_target_server))
    resolved = look(given, connect(given.source), connect(given.target))
    ordered = {frozenset(map(str, wave.tables)): wave for wave in waves(resolved.tables)}
    tied = ordered[frozenset({"public.parent", "public.child", "public.country"})]
    assert [name.name for name in tied.tables] == ["country", "parent", "child"]
    assert tied.tied
    alone = ordered[frozenset({"public.notes", "public.busy", "public.Child"})]
    assert not alone.tied
    assert sorted(wave.number for wave in ordered.values()) == [1, 2]


def test_statements_without_a_translation_are_counted_and_their_values_are_not_told(
    counting: Any, databases: dict[str, str], mysql_server: Any, mysql_database: Callable[..., str]
) -> None:
    fine = ("select parent from child where id = 4711", "update parent set id = 4711 where id = 4712")
    foreign = {
        "select array_agg(parent) from child where id <> 4711": "array_agg",
        "delete from parent where id = 4711 returning id": "RETURNING",
        "insert into parent values (21), (22) on conflict do nothing": "duplicate keys",
        "select 'Hunter' ~ 'H.*' /* Hunter */ from parent": "",
    }
    with contextlib.closing(postgres_connection(counting, databases["right"])) as connection:
        rows(connection, "select pg_stat_statements_reset()")
        for statement in (*fine, *foreign, *foreign, "select count(*) from pg_class"):
            rows(connection, statement)
    ends = {
        "source": ref("postgres", counting, databases["right"]),
        "target": ref("mysql", mysql_server, mysql_database(mysql_server)),
    }
    given = parse_plan(
        {"name": "speech", **ends, "tables": [{"include": "public.*", "to": f"{ends['target']['database']}.*"}]}
    )
    each = assessment.assess(given)
    assert each.workload is not None
    assert each.workload.fine >= 2
    assert [feature for feature in each.workload.features if "parent" not in str(feature.examples)] == []
    assert each.workload.untranslatable == len(foreign)
    assert all(feature.calls == 2 * feature.statements for feature in each.workload.features)
    for word in filter(None, foreign.values()):
        assert any(word.lower() in feature.reason.lower() for feature in each.workload.features), word
    assert "statement-untranslatable" in found(each)
    for secret in ("4711", "Hunter"):
        assert secret not in repr(each.workload)

"""Assessments of MySQL and MariaDB: every check finds what is wrong, and nothing where all is right."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from landbridge import assessment
from landbridge.assessment import Assessment, checks
from landbridge.endpoints import connect
from landbridge.endpoints.surveying import Assesses
from landbridge.plan import Plan, parse_plan
from landbridge.precheck import look
from tests.pair import ref
from tests.support import mysql_connection, rows

WRONG = (
    "create table old (id tinyint auto_increment primary key, name varchar(20) character set utf8mb3, day date)",
    "insert into old values (120, 'x', '0000-00-00')",
    "create table idle (id int primary key, a int, key idle_a (a))",
    "create definer = 'nobody'@'gone' view orphan as select id from old",
    "create procedure program() begin declare x int; set x = 1; end",
    "create event job on schedule every 1 day do set @x = 1",
)
RIGHT = (
    "create table fresh (id bigint unsigned auto_increment primary key, n int, at datetime)",
    "insert into fresh (n) values (1), (2)",
)
GLOBALS = {
    "net_write_timeout": (5, 60),
    "event_scheduler": ("ON", "OFF"),
    "sql_mode": ("''", "'STRICT_TRANS_TABLES'"),
}
NAMES = {
    "net-timeouts", "sql-mode-loose", "auto-increment-room", "definer-missing", "old-charset", "scheduled-jobs",
    "statement-time-limit", "text-comparison", "odd-dates", "objects-by-hand", "told-losses",
}  # fmt: skip
SERVERS = ["mariadb_server", "mysql_server"]


def plan(source: Any, database: str, target: Any, to: str) -> Plan:
    own = ref("mysql", source, database) | {"database": None}  # so that what we ask is not counted under the database
    ends = {"source": own, "target": ref("postgres", target, to)}
    return parse_plan(
        {"name": database.replace("_", "-"), **ends, "tables": [{"include": f"{database}.*", "to": "public.*"}]}
    )


def found(each: Assessment) -> set[str]:
    assert all(finding.found and finding.wanted and finding.mend for finding in each.findings)
    return {finding.name for finding in each.findings}


@pytest.mark.parametrize("fixture", SERVERS)
def test_each_check_finds_what_is_wrong_and_is_silent_where_nothing_is(
    fixture: str,
    request: pytest.FixtureRequest,
    mysql_database: Callable[..., str],
    postgres_server: Any,
    postgres_database: Callable[..., str],
) -> None:
    server, to = request.getfixturevalue(fixture), postgres_database(postgres_server)
    limit = "max_statement_time" if fixture == "mariadb_server" else "max_execution_time"
    wrong, right = mysql_database(server), mysql_database(server)
    with contextlib.closing(mysql_connection(server)) as connection:
        before = dict(rows(connection, "show global variables"))
        rows(connection, "set sql_mode = ''")
        for database, script in ((wrong, WRONG), (right, RIGHT)):
            connection.select_db(database)
            for statement in script:
                rows(connection, statement)
        try:
            results = []
            for place, database in enumerate((wrong, right)):
                for name, values in (GLOBALS | {limit: (30, 0)}).items():
                    rows(connection, f"set global {name} = {values[place]}")
                results.append(found(assessment.assess(plan(server, database, postgres_server, to))))
        finally:
            for name in (*GLOBALS, limit):
                value = before[name]
                rows(connection, f"set global {name} = {value if value.replace('.', '').isdigit() else repr(value)}")
    assert NAMES - results[0] == set()
    assert NAMES & results[1] == set()


def test_what_nobody_counts_is_said_and_not_guessed(
    mariadb_server: Any, mysql_database: Callable[..., str], postgres_server: Any, postgres_database: Callable[..., str]
) -> None:
    database = mysql_database(mariadb_server)
    with contextlib.closing(mysql_connection(mariadb_server, database)) as connection:
        assert rows(connection, "select @@performance_schema") == [(0,)]
        rows(connection, "create table t (id int primary key)")
    each = assessment.assess(plan(mariadb_server, database, postgres_server, postgres_database()))
    assert each.workload is None
    assert each.growth is None
    assert [table.reads for table in each.tables] == [None]
    assert "performance_schema" in each.unknown[0]
    assert "workload-unseen" in found(each)


def test_use_and_statements_come_from_the_servers_own_counts(
    mysql_server: Any, mysql_database: Callable[..., str], postgres_server: Any, postgres_database: Callable[..., str]
) -> None:
    database = mysql_database(mysql_server)
    foreign = {
        "insert ignore into busy values (1, 4711, 'Hunter')": "INSERT IGNORE",
        "replace into busy values (2, 4711, 'Hunter')": "REPLACE",
        "insert into busy values (2, 1, '') on duplicate key update a = 4711": "duplicate keys",
        "select date_format(now(), '%Y Hunter') from busy": "does not show",
        "update busy set a = 4711 order by id limit 1": "ORDER BY",
    }
    fine = (
        "select a, b from busy where id in (4711, 4712) and b = 'Hunter'",
        "delete from busy where id = 4711",
        "select busy.* from busy left join spare on spare.id = busy.id where busy.b like 'H%' order by busy.a limit 1, 2",
        "select count(*), max(a) from busy where a > 4711 for update",
        "insert into spare (id, a) select id, a from busy where now() > now() - interval 4711 day",
    )
    with contextlib.closing(mysql_connection(mysql_server, database)) as connection:
        rows(connection, "create table busy (id int primary key, a int, b text, key busy_a (a))")
        rows(connection, "create table spare (id int primary key, a int)")
        rows(connection, "create table idle (id int primary key, a int, key idle_a (a))")
        for statement in (*foreign, *foreign, *fine):
            rows(connection, statement)
    given = plan(mysql_server, database, postgres_server, postgres_database())
    each = assessment.assess(given)
    assert each.workload is not None
    features = {feature.reason: feature for feature in each.workload.features}
    assert len(features) == len(foreign), "; ".join(features)
    for word in foreign.values():
        (reason,) = [reason for reason in features if word in reason]
        assert (features[reason].statements, features[reason].calls) == (1, 2), reason
        assert "busy" in features[reason].examples[0]
    assert each.workload.fine == len(fine)
    assert each.workload.untranslatable == len(foreign) - 1
    assert [feature.sure for feature in each.workload.features].count(False) == each.workload.unsure == 1
    assert "4711" not in repr(each.workload)
    assert "Hunter" not in repr(each.workload)
    assert {"statement-untranslatable"} <= found(each)
    assert "workload-unseen" not in found(each)

    resolved = look(given, connect(given.source), connect(given.target))
    survey = connect(given.source).get(Assesses).survey(resolved.tables)
    use = {each.name.name: each for each in survey.tables}
    assert (use["idle"].reads, use["idle"].writes) == (0, 0)
    assert (use["busy"].inserts or 0) >= 2
    told = {finding.name: finding.found for finding in checks.unused(replace(survey, since=86_400.0))}
    assert f"{database}.idle" in told["table-unused"]
    assert f"{database}.busy" not in told["table-unused"]
    assert f"{database}.idle.idle_a" in told["index-unused"]


def test_a_source_alone_is_assessed_towards_a_server_that_only_stands_in(
    mysql_server: Any, mysql_database: Callable[..., str]
) -> None:
    database = mysql_database(mysql_server)
    with contextlib.closing(mysql_connection(mysql_server, database)) as connection:
        rows(connection, "create table t (id int primary key, at datetime)")
    nowhere = {"engine": "postgres", "host": "db.invalid", "user": "nobody"}
    given = parse_plan(
        {"name": "alone", "source": ref("mysql", mysql_server, database), "target": nowhere,
         "tables": [{"include": f"{database}.*"}]}
    )  # fmt: skip
    each = assessment.assess(given, source_only=True)
    assert each.refusals == 0
    assert [travel.becomes for travel in each.travels] == ["integer", "timestamp(0) without time zone"]
    outcome = {made.check.name: made.outcome for made in each.checks}
    assert outcome["target-exists"] == outcome["right-temp"] == "not looked at"
    assert outcome["log-bin"] == "passed"
    reached = assessment.assess(given)
    assert [finding.name for finding in reached.findings] == ["reach"]
    assert {made.outcome for made in reached.checks} == {"refused", "not looked at"}

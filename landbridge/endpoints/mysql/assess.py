"""What owners of a server want to know before it moves, beside what would stop the move (docs/checks.md)."""

from collections.abc import Callable, Iterator, Sequence

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.findings import listed, warn
from landbridge.endpoints.mysql import survey
from landbridge.endpoints.mysql.checks import Checker
from landbridge.endpoints.mysql.connection import closing, driver_errors
from landbridge.endpoints.mysql.names import qualified
from landbridge.endpoints.mysql.rights import Facts
from landbridge.endpoints.surveying import Survey
from landbridge.kinds import Int
from landbridge.model import Column, TableMap

_SHORTEST_TIMEOUT = 60
_ROOM = 0.8

_NEXT_NUMBERS = """
select table_schema, table_name, auto_increment from information_schema.tables
where auto_increment is not null and table_schema in %s order by 1, 2"""

_DEFINED = """
select distinct d.definer from (
    select definer, routine_schema place from information_schema.routines
    union all select definer, trigger_schema from information_schema.triggers
    union all select definer, event_schema from information_schema.events
    union all select definer, table_schema from information_schema.views) d
where d.place in %s and d.definer not in (select concat(user, '@', host) from mysql.user) order by 1"""

_OLD_CHARSET = """
select distinct table_schema, table_name from information_schema.columns
where character_set_name in ('utf8', 'utf8mb3') and table_schema in %s order by 1, 2"""

_JOBS = """
select event_schema, event_name from information_schema.events
where status = 'ENABLED' and event_schema in %s order by 1, 2"""


class Assessor(Checker):
    def assess(self, tables: Sequence[TableMap]) -> Iterator[Finding]:
        yield from self._checked(tables, "", _CHECKS)

    def survey(self, tables: Sequence[TableMap]) -> Survey:
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            return survey.take(connection, [each.source.name for each in tables])


def _limits(facts: Facts) -> Iterator[Finding]:
    name = "max_statement_time" if facts.mariadb else "max_execution_time"
    if float(facts.variables[name]) > 0:
        yield warn(
            "statement-time-limit",
            found=f"{name} is {facts.variables[name]}: the application's own long statements are cut off",
            wanted=f"{name} 0, or the application's limit on the target as well",
            mend=f"SET GLOBAL {name} = 0; or set the like on the target",
        )
    short = [
        f"{setting} is {facts.variables[setting]} s"
        for setting in ("net_read_timeout", "net_write_timeout", "wait_timeout")
        if int(facts.variables[setting]) < _SHORTEST_TIMEOUT - 30 * (setting == "net_read_timeout")
    ]
    if short:
        yield warn(
            "net-timeouts",
            found=f"{listed(short)}: a reader that waits for the target loses its connection",
            wanted=f"{_SHORTEST_TIMEOUT} s or more (net_read_timeout: 30 s)",
            mend="SET GLOBAL net_write_timeout = 60, net_read_timeout = 30, wait_timeout = 28800;",
        )
    if "STRICT" not in facts.variables["sql_mode"]:
        yield warn(
            "sql-mode-loose",
            found="sql_mode is not strict: values that do not fit are cut and stored, where a strict server refuses",
            wanted="STRICT_TRANS_TABLES, so that the application meets refusals before the cutover",
            mend="SET GLOBAL sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES'); and test the application",
        )


def _numbers(facts: Facts) -> Iterator[Finding]:
    planned = {each.source.name: each.source for each in facts.tables}
    full = []
    for schema, name, following in _of_schemas(facts, _NEXT_NUMBERS):
        table = next((table for at, table in planned.items() if (at.schema, at.name) == (schema, name)), None)
        column = next((each for each in table.columns if each.identity == "auto"), None) if table else None
        if column is not None and int(str(following)) > _ROOM * _largest(column):
            full.append(f"{schema}.{name}.{column.name} ({100 * int(str(following)) // _largest(column)}%)")
    if full:
        yield warn(
            "auto-increment-room",
            found=f"numbers are running out: {listed(full)}",
            wanted="BIGINT where more than four fifths of the numbers are used",
            mend="ALTER TABLE ... MODIFY the column to BIGINT, before the migration or on the target after it",
        )


def _largest(column: Column) -> int:
    """Of a counter that is no integer (FLOAT, which counted once) nothing is said."""
    if not isinstance(column.kind, Int):
        return 1 << 64
    return int((1 << (column.kind.bits - (not column.kind.unsigned))) - 1)


def _of_schemas(facts: Facts, sql: str) -> list[tuple[object, ...]]:
    return facts.query(sql, (tuple(facts.schemas),)) if facts.schemas else []


def _definers(facts: Facts) -> Iterator[Finding]:
    if not facts.grants.has("SELECT", "mysql"):
        return
    gone = [str(row[0]) for row in _of_schemas(facts, _DEFINED)]
    if gone:
        yield warn(
            "definer-missing",
            found=f"views and programs belong to accounts that are gone: {listed(gone)}; calling them fails today",
            wanted="definers that exist",
            mend=f"CREATE USER for {gone[0]}, or create the object anew with another DEFINER, or drop it",
        )


def _charset(facts: Facts) -> Iterator[Finding]:
    planned = {(each.source.name.schema, each.source.name.name): each.source.name for each in facts.tables}
    old = [planned[str(row[0]), str(row[1])] for row in _of_schemas(facts, _OLD_CHARSET) if row in planned]
    if old:
        yield warn(
            "old-charset",
            found=f"columns in utf8mb3, which cannot hold every character: {listed([str(name) for name in old])}",
            wanted="utf8mb4: utf8mb3 is going to be removed",
            mend=f"ALTER TABLE {qualified(old[0])} CONVERT TO CHARACTER SET utf8mb4; here, or on the target later",
        )


def _jobs(facts: Facts) -> Iterator[Finding]:
    jobs = [f"{row[0]}.{row[1]}" for row in _of_schemas(facts, _JOBS)]
    if jobs and facts.variables["event_scheduler"] == "ON":
        yield warn(
            "scheduled-jobs",
            found=f"the server runs jobs by the clock: {listed(jobs)}",
            wanted="an owner for each: another engine has no such clock, and no job may run on both sides",
            mend="plan where each job runs after the cutover: cron, the orchestrator, or the target's event scheduler",
        )


def _workload(facts: Facts) -> Iterator[Finding]:
    if facts.variables.get("performance_schema") != "ON":
        yield warn(
            "workload-unseen",
            found="performance_schema is OFF: nobody knows which statements the application sends, nor what is unused",
            wanted="statements counted over a busy week",
            mend="performance_schema = ON in the server's configuration, and restart it",
        )


_CHECKS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    _limits, _numbers, _definers, _charset, _jobs, _workload,
)  # fmt: skip

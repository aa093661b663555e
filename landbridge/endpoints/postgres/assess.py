"""What owners of a database want to know before it moves, beside what would stop the move (docs/checks.md)."""

from collections.abc import Iterator, Sequence

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.findings import listed, warn
from landbridge.endpoints.postgres import survey
from landbridge.endpoints.postgres.checks import Check, Checker
from landbridge.endpoints.postgres.names import qualified, quote
from landbridge.endpoints.postgres.queries import reading
from landbridge.endpoints.postgres.rights import Facts
from landbridge.endpoints.surveying import Survey
from landbridge.model import TableMap, TableName

_SHORTEST_TIMEOUT = 10_000
_MEMORY_KB = 65_536
_DEAD = 10_000

_EVENT_TRIGGERS = "select evtname::text from pg_catalog.pg_event_trigger where evtenabled <> 'D' order by 1"

_INVALID = """
select i.relname::text, n.nspname::text from pg_catalog.pg_index x
join pg_catalog.pg_class i on i.oid = x.indexrelid join pg_catalog.pg_class c on c.oid = x.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where not x.indisvalid and i.relkind = 'i' and (n.nspname, c.relname) in %s order by 1"""

_UNPROVEN = """
select k.conname::text, n.nspname::text, c.relname::text from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where not k.convalidated and (n.nspname, c.relname) in %s order by 1"""

_DEAD_ROWS = f"""
select schemaname::text, relname::text, n_dead_tup from pg_catalog.pg_stat_user_tables
where n_dead_tup > {_DEAD} and n_dead_tup > n_live_tup and (schemaname, relname) in %s order by n_dead_tup desc"""

_NEVER_ANALYSED = """
select n.nspname::text, c.relname::text from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.reltuples < 0 and c.relkind = 'r' and (n.nspname, c.relname) in %s order by 1, 2"""

_COLLATION = """
select datcollversion, pg_catalog.pg_database_collation_actual_version(oid) from pg_catalog.pg_database
where datname = current_database()
    and datcollversion <> pg_catalog.pg_database_collation_actual_version(oid)"""

_IDLE_SLOTS = """
select slot_name::text from pg_catalog.pg_replication_slots
where not active and slot_name !~ '^landbridge_' order by 1"""


class Assessor(Checker):
    def assess(self, tables: Sequence[TableMap]) -> Iterator[Finding]:
        yield from self._checked(tables, "", _CHECKS)

    def survey(self, tables: Sequence[TableMap]) -> Survey:
        with reading(self._database) as cursor:
            return survey.take(cursor, [each.source.name for each in tables])


def _planned(facts: Facts, sql: str) -> list[tuple[object, ...]]:
    names = tuple((each.source.name.schema, each.source.name.name) for each in facts.tables)
    return facts.query(sql, names) if names else []


def _settings(facts: Facts) -> Iterator[Finding]:
    timeout = int(facts.settings["wal_sender_timeout"])
    if 0 < timeout < _SHORTEST_TIMEOUT:
        yield warn(
            "wal-sender-timeout",
            found=f"wal_sender_timeout is {timeout} ms: a slow network ends the stream again and again",
            wanted=f"{_SHORTEST_TIMEOUT} ms or more, or 0",
            mend="ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();",
        )
    memory = int(facts.settings["logical_decoding_work_mem"])
    if memory < _MEMORY_KB:
        yield warn(
            "decoding-memory",
            found=f"logical_decoding_work_mem is {memory} kB: larger transactions are written to disk while decoded",
            wanted=f"{_MEMORY_KB} kB or more",
            mend="ALTER SYSTEM SET logical_decoding_work_mem = '64MB'; SELECT pg_reload_conf();",
        )


def _slots(facts: Facts) -> Iterator[Finding]:
    idle = [str(name) for (name,) in facts.query(_IDLE_SLOTS)]
    if idle:
        yield warn(
            "slot-idle",
            found=f"nobody reads the replication slots {listed(idle)}: the log since then is kept and fills the disk",
            wanted="no slot that is not needed",
            mend=f"SELECT pg_drop_replication_slot('{idle[0]}'); for each that is not needed",
        )


def _event_triggers(facts: Facts) -> Iterator[Finding]:
    names = [str(name) for (name,) in facts.query(_EVENT_TRIGGERS)]
    if names:
        yield warn(
            "event-triggers",
            found=f"event triggers act on every change of the schema: {listed(names)}",
            wanted="none while the publication is made, or ones that let it pass",
            mend=f"ALTER EVENT TRIGGER {quote(names[0])} DISABLE; for as long as the migration takes",
        )


def _indexes(facts: Facts) -> Iterator[Finding]:
    invalid = _planned(facts, _INVALID)
    if invalid:
        index = TableName(schema=str(invalid[0][1]), name=str(invalid[0][0]))
        yield warn(
            "index-invalid",
            found=f"indexes that were never finished: {listed([str(row[0]) for row in invalid])}",
            wanted="indexes that are used, or none",
            mend=f"REINDEX INDEX CONCURRENTLY {qualified(index)}; or drop it",
        )


def _constraints(facts: Facts) -> Iterator[Finding]:
    unproven = _planned(facts, _UNPROVEN)
    if unproven:
        name, schema, table = (str(part) for part in unproven[0])
        yield warn(
            "constraint-unproven",
            found=f"constraints that rows may violate: {listed([str(row[0]) for row in unproven])}",
            wanted="constraints that are proven: the target may refuse rows that violate them",
            mend=f"ALTER TABLE {qualified(TableName(schema=schema, name=table))} VALIDATE CONSTRAINT {quote(name)};",
        )


def _large_objects(facts: Facts) -> Iterator[Finding]:
    count = int(facts.query("select count(*) from pg_catalog.pg_largeobject_metadata")[0][0])
    if count:
        yield warn(
            "large-objects",
            found=f"{count} large objects lie beside the tables; a change stream does not carry them",
            wanted="values in columns of type bytea",
            mend="move them by the application, or into a column: UPDATE ... SET data = lo_get(oid)",
        )


def _rows(facts: Facts) -> Iterator[Finding]:
    dead = _planned(facts, _DEAD_ROWS)
    if dead:
        yield warn(
            "dead-space",
            found="more dead rows than live ones: " + listed([f"{row[0]}.{row[1]}: {row[2]}" for row in dead]),
            wanted="tables that are not read for nothing",
            mend=f"VACUUM (ANALYZE) {qualified(TableName(schema=str(dead[0][0]), name=str(dead[0][1])))};",
        )
    unknown = _planned(facts, _NEVER_ANALYSED)
    if unknown:
        yield warn(
            "statistics-missing",
            found=f"sizes are not known of tables never analysed: {listed([f'{row[0]}.{row[1]}' for row in unknown])}",
            wanted="statistics of every table: estimates and progress rest on them",
            mend=f"ANALYZE {qualified(TableName(schema=str(unknown[0][0]), name=str(unknown[0][1])))};",
        )


def _collation(facts: Facts) -> Iterator[Finding]:
    if facts.version < 150000:
        return
    for recorded, actual in facts.query(_COLLATION):
        yield warn(
            "collation-version",
            found=f"text was sorted by collation version {recorded}, the system now has {actual}: indexes may be wrong",
            wanted="one version: ranges are read in an index's order",
            mend=f"REINDEX DATABASE {quote(facts.login.database)}; then ALTER DATABASE ... REFRESH COLLATION VERSION;",
        )


def _workload(facts: Facts) -> Iterator[Finding]:
    if not facts.query("select 1 from pg_catalog.pg_extension where extname = 'pg_stat_statements'"):
        yield warn(
            "workload-unseen",
            found="pg_stat_statements is not installed: nobody knows which statements the application sends",
            wanted="statements counted over a busy week",
            mend="shared_preload_libraries = 'pg_stat_statements', restart, CREATE EXTENSION pg_stat_statements;",
        )


_CHECKS: tuple[Check, ...] = (
    _settings, _slots, _event_triggers, _indexes, _constraints, _large_objects, _rows, _collation, _workload,
)  # fmt: skip

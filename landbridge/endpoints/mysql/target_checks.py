"""Whether a server can take the tables in; every fault comes with the statement that mends it (docs/checks.md)."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator

import pymysql

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.findings import listed, refuse, warn
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.endpoints.mysql.rights import LEDGER, Facts
from landbridge.model import TableName

Check = Callable[[Facts], Iterator[Finding]]

_CONNECTIONS = 10
_FILLING = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES",
    "CREATE TEMPORARY TABLES", "TRIGGER",
)  # fmt: skip
_KEEPING = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "INDEX")
_KINDS = {"VIEW": "VIEW", "SYSTEM VIEW": "VIEW", "SEQUENCE": "SEQUENCE"}
_FOUND = (
    "select table_schema, table_name, table_type from information_schema.tables where (table_schema, table_name) in "
)


def checks(owned: Collection[TableName]) -> tuple[Check, ...]:
    def existing(facts: Facts) -> Iterator[Finding]:
        return _existing(facts, owned)

    return (_settings, _local_infile, _rights, _names, _keys, _connections, existing)


def _settings(facts: Facts) -> Iterator[Finding]:
    on = {name for name in ("read_only", "super_read_only") if facts.variables.get(name, "OFF") != "OFF"}
    if on:
        mends = [f"SET GLOBAL {name} = OFF;" for name in sorted(on, reverse=True)]
        yield refuse(
            "target-read-only",
            found=f"the target is read-only ({', '.join(sorted(on))}): somebody closed it",
            wanted="a target that takes writes",
            mend=" ".join(mends),
        )
    if facts.variables.get("explicit_defaults_for_timestamp", "ON") != "ON":
        yield refuse(
            "target-timestamps",
            found="explicit_defaults_for_timestamp is OFF: a NULL in a TIMESTAMP column would become the current time",
            wanted="explicit_defaults_for_timestamp ON",
            mend="SET GLOBAL explicit_defaults_for_timestamp = ON; and the same in the server's configuration",
        )
    if facts.variables["log_bin"] == "ON" and facts.variables.get("binlog_format") == "STATEMENT":
        yield refuse(
            "target-binlog-format",
            found="binlog_format is STATEMENT, with which InnoDB refuses writes at the isolation level READ COMMITTED",
            wanted="binlog_format ROW or MIXED",
            mend="SET GLOBAL binlog_format = ROW; and the same in the server's configuration",
        )


def _local_infile(facts: Facts) -> Iterator[Finding]:
    if facts.variables["local_infile"] != "ON":
        packet = facts.variables["max_allowed_packet"]
        yield warn(
            "local-infile",
            found="local_infile is OFF: rows go in by INSERT, which is several times slower, and none that takes more "
            f"than max_allowed_packet ({packet} bytes) in a statement",
            wanted="local_infile ON until the cutover",
            mend="SET GLOBAL local_infile = ON;",
        )


def _rights(facts: Facts) -> Iterator[Finding]:
    """CREATE on a schema that is not there yet is the right to make it."""
    for schema in dict.fromkeys((*facts.target_schemas, LEDGER)):
        rights = _FILLING if schema in facts.target_schemas else _KEEPING
        lacking = [right for right in rights if not facts.grants.has(right, schema)]
        if lacking:
            names, place = ", ".join(lacking), f"{quote(schema)}.*"
            yield refuse(
                "right-ledger" if schema == LEDGER else "right-target",
                found=f"{facts.account} lacks {names} on {place}",
                wanted=f"{names}, {'for the ledger' if schema == LEDGER else 'to fill the tables'}",
                mend=f"GRANT {names} ON {place} TO {facts.account};",
            )


def _names(facts: Facts) -> Iterator[Finding]:
    if facts.variables["lower_case_table_names"] == "0":
        return
    names = Counter(str(each.target.name).lower() for each in facts.tables)
    clashing = [name for name, count in names.items() if count > 1]
    if clashing:
        yield refuse(
            "target-names",
            found=f"the target takes names that differ in case alone for one: {listed(clashing)}",
            wanted="a server with lower_case_table_names 0, or other names",
            mend="send these tables elsewhere with `to` in the plan; the setting is fixed when a server is made",
        )
    upper = sorted(
        str(each.target.name) for each in facts.tables if str(each.target.name).lower() != str(each.target.name)
    )
    if upper and facts.variables["lower_case_table_names"] == "1":
        yield warn(
            "target-names",
            found=f"the target will call these tables by lower-case names: {listed(upper)}",
            wanted="a server with lower_case_table_names 0, where other servers than this one must know them",
            mend="nothing, if all who use the target write to it through itself",
        )


def _keys(facts: Facts) -> Iterator[Finding]:
    if facts.variables.get("sql_require_primary_key", "OFF") != "ON":
        return
    bare = sorted(str(each.target.name) for each in facts.tables if each.target.primary_key is None)
    if bare:
        yield refuse(
            "target-primary-key",
            found=f"the target takes no table without a primary key (sql_require_primary_key): {listed(bare)}",
            wanted="sql_require_primary_key OFF, or primary keys on the source",
            mend="SET GLOBAL sql_require_primary_key = OFF;",
        )


def _connections(facts: Facts) -> Iterator[Finding]:
    limit = int(facts.variables["max_connections"])
    used = int(facts.query("show global status like 'threads_connected'")[0][1])
    if limit - used < _CONNECTIONS:
        yield warn(
            "connections",
            found=f"{limit - used} connections are free",
            wanted=f"{_CONNECTIONS} or more, with load.workers in the plan in mind",
            mend=f"SET GLOBAL max_connections = {limit + 20};",
        )


def _existing(facts: Facts, owned: Collection[TableName]) -> Iterator[Finding]:
    names = sorted({each.target.name for each in facts.tables} - set(owned))
    pairs = tuple((name.schema, name.name) for name in names)
    for schema, name, kind in facts.query(f"{_FOUND}%s order by 1, 2", (pairs,)) if pairs else ():
        place = qualified(TableName(schema=schema, name=name))
        filled = kind not in _KINDS and _has_rows(facts, place)
        yield refuse(
            "target-not-empty" if filled else "target-exists",
            found=f"{schema}.{name} is on the target already{' and holds rows' if filled else ''}, and this plan did "
            "not make it",
            wanted="a target without the planned tables",
            mend=f"DROP {_KINDS.get(kind, 'TABLE')} {place}; or send the source's table elsewhere with `to` in the"
            " plan",
        )


def _has_rows(facts: Facts, place: str) -> bool:
    try:
        return bool(facts.query(f"select exists (select 1 from {place})")[0][0])
    except pymysql.Error:
        return False  # its being there is a refusal all the same

"""Whether a server can be source or target; every fault comes with the statement that mends it (docs/checks.md)."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence

import pymysql

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.findings import listed, refuse, warn
from landbridge.endpoints.mysql import target_checks
from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.connection import Database, closing, driver_errors, translate
from landbridge.endpoints.mysql.freeze import noted
from landbridge.endpoints.mysql.freeze.revoke_checks import check_revoke
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.endpoints.mysql.processlist import applies
from landbridge.endpoints.mysql.rights import Facts, Grants, bypassing, check_rights
from landbridge.errors import MigrationError
from landbridge.kinds import Bytes, Json, Text
from landbridge.model import Column, Table, TableMap, TableName

_RETENTION = 86_400
_LONG = 60
_MEASURABLE = 100_000
_LARGEST_PACKET = 1 << 30
_LIMITS = {
    "tinytext": 255,
    "tinyblob": 255,
    "text": 65_535,
    "blob": 65_535,
    "mediumtext": 1 << 24,
    "mediumblob": 1 << 24,
}

# variable, finding, wanted value, what goes wrong otherwise
_SETTINGS = {
    True: (("binlog_format", "binlog-format", "ROW", "statements in the binlog do not say which rows they changed"),),
    False: (
        ("binlog_format", "binlog-format", "ROW", "statements in the binlog do not say which rows they changed"),
        ("gtid_mode", "gtid-mode", "ON", "after a failover the place in the log could not be found again"),
    ),
}
_GTID = (
    "SET PERSIST enforce_gtid_consistency = ON; SET PERSIST gtid_mode = OFF_PERMISSIVE; "
    "SET PERSIST gtid_mode = ON_PERMISSIVE; SET PERSIST gtid_mode = ON;"
)


class Checker:
    def __init__(self, database: Database) -> None:
        self._database = database

    def reach(self) -> Finding | None:
        ref = self._database.ref
        try:
            self._database.open().close()
        except (MigrationError, pymysql.Error, OSError, RuntimeError) as error:
            known = translate(error, ref) if isinstance(error, pymysql.Error) else error
            reason = known.found if isinstance(known, MigrationError) else str(known)
            mend = known.mend if isinstance(known, MigrationError) else "check host, port, tls and ca in the plan"
            return refuse(
                "reach",
                found=f"no connection to {ref.host}:{ref.port or 3306} as {ref.user}: {reason}",
                wanted="a server that lets this login in",
                mend=mend,
            )
        return None

    def check_source(self, tables: Sequence[TableMap], freeze: str) -> Iterator[Finding]:
        yield from self._checked(tables, freeze, _CHECKS)

    def check_target(self, tables: Sequence[TableMap], owned: Collection[TableName]) -> Iterator[Finding]:
        yield from self._checked(tables, "", (_version, *target_checks.checks(owned)))

    def _checked(
        self, tables: Sequence[TableMap], freeze: str, checks: Sequence[Callable[[Facts], Iterator[Finding]]]
    ) -> Iterator[Finding]:
        unreachable = self.reach()
        if unreachable:
            yield unreachable
            return
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            facts = Facts(
                connection=connection,
                mariadb=self._database.is_mariadb(connection),
                variables=dict(fetch(connection, "show global variables")),
                grants=Grants(row[0] for row in fetch(connection, "show grants")),
                account=_account(str(fetch(connection, "select current_user()")[0][0])),
                tables=tables,
                freeze=freeze,
            )
            for check in checks:
                yield from self._tried(check, facts)

    def _tried(self, check: Callable[[Facts], Iterator[Finding]], facts: Facts) -> Iterator[Finding]:
        try:
            yield from check(facts)
        except pymysql.Error as error:
            known = translate(error, self._database.ref)
            subject = check.__name__.strip("_").replace("_", " ")
            yield refuse(
                "unchecked",
                found=f"could not look at {subject}: {known.found}",
                wanted="every check made",
                mend=known.mend,
            )


def _account(user: str) -> str:
    name, _, host = user.rpartition("@")
    return f"'{name}'@'{host}'"


# --- the server -------------------------------------------------------------------------------------------------------


def _version(facts: Facts) -> Iterator[Finding]:
    text = facts.variables["version"]
    found = tuple(int(part) for part in re.findall(r"\d+", text)[:2])
    oldest, name = ((10, 11), "MariaDB 10.11") if facts.mariadb else ((8, 4), "MySQL 8.4")
    if found < oldest:
        yield refuse(
            "server-version",
            found=f"the server is version {text}",
            wanted=f"{name} or newer",
            mend="upgrade it, or use a newer replica of it as the source",
        )


def _log(facts: Facts) -> Iterator[Finding]:
    if facts.variables["log_bin"] != "ON":
        yield refuse(
            "log-bin",
            found="the source keeps no binlog (log_bin is OFF)",
            wanted="log_bin ON",
            mend="set log_bin = binlog in the server's configuration and restart it",
        )
        return
    if facts.variables["server_id"] == "0":
        yield refuse(
            "server-id",
            found="server_id is 0, with which no replica is served",
            wanted="a server_id of its own",
            mend="SET GLOBAL server_id = 1; and the same in the server's configuration",
        )
    yield from _settings(facts)
    yield from _retention(facts)
    yield from _filter(facts)


def _settings(facts: Facts) -> Iterator[Finding]:
    for variable, name, wanted, reason in _SETTINGS[facts.mariadb]:
        value = facts.variables.get(variable, wanted)
        if value.upper() != wanted:
            yield refuse(
                name,
                found=f"{variable} is {value or 'empty'}: {reason}",
                wanted=f"{variable} {wanted or 'empty'}, in every session",
                mend=_GTID if name == "gtid-mode" else _setting(facts, variable, wanted),
            )
    yield from _row_image(facts)
    yield from _row_metadata(facts)


def _setting(facts: Facts, variable: str, value: str) -> str:
    """New sessions take a global value, the old ones keep theirs: so the application has to connect anew."""
    command = f"SET {'GLOBAL' if facts.mariadb else 'PERSIST'} {variable} = {value or repr('')};"
    lasting = ", the same in the server's configuration" if facts.mariadb else ""
    return f"{command}{lasting} and let the application connect anew: open sessions keep the old value"


def _row_image(facts: Facts) -> Iterator[Finding]:
    """FULL, and MariaDB's FULL_NODUP, are right for every table."""
    image = facts.variables["binlog_row_image"].upper()
    bare = [str(table.source.name) for table in facts.tables if table.source.primary_key is None]
    if image.startswith("FULL") or not (facts.mariadb or bare):
        return
    found = f"binlog_row_image is {image}"
    wanted, mend = "binlog_row_image FULL, in every session", _setting(facts, "binlog_row_image", "FULL")
    if bare:
        yield refuse("binlog-row-image", found=f"{found}: without a key: {listed(bare)}", wanted=wanted, mend=mend)
    else:
        again = "a REPLACE passes for an update, so updated rows are read again"
        yield warn("binlog-row-image", found=f"{found}: {again}", wanted=wanted, mend=mend)


def _row_metadata(facts: Facts) -> Iterator[Finding]:
    level = facts.variables["binlog_row_metadata"]
    if level != "FULL":
        yield warn(
            "binlog-row-metadata",
            found=f"binlog_row_metadata is {level}: names and labels are taken as they were recorded",
            wanted="binlog_row_metadata FULL, so that a table altered past the log is found whatever was altered",
            mend=_setting(facts, "binlog_row_metadata", "FULL"),
        )


def _retention(facts: Facts) -> Iterator[Finding]:
    kept = int(float(facts.variables.get("binlog_expire_logs_seconds", "0")))
    if 0 < kept < _RETENTION and facts.variables.get("binlog_expire_logs_auto_purge", "ON") == "ON":
        yield warn(
            "binlog-retention",
            found=f"the binlog is kept for {kept} seconds",
            wanted="a day or more, so that an outage of the migration does not mean loading again",
            mend="SET GLOBAL binlog_expire_logs_seconds = 604800;",
        )


def _filter(facts: Facts) -> Iterator[Finding]:
    if not facts.grants.has("BINLOG MONITOR" if facts.mariadb else "REPLICATION CLIENT"):
        return  # reported among the rights
    rows = facts.query("show master status" if facts.mariadb else "show binary log status")
    only, never = ([name for name in text.split(",") if name] for text in (rows[0][2], rows[0][3]))
    silent = [name for name in facts.schemas if name in never or (only and name not in only)]
    if silent:
        yield refuse(
            "binlog-filter",
            found=f"changes of {', '.join(silent)} are left out of the binlog",
            wanted="every planned schema in the binlog",
            mend="take binlog_do_db and binlog_ignore_db out of the server's configuration and restart it",
        )


def _replica(facts: Facts) -> Iterator[Finding]:
    if not facts.grants.has("PROCESS") or not applies(facts.connection):
        return
    logged = facts.variables.get("log_replica_updates", facts.variables.get("log_slave_updates", "ON"))
    if logged != "ON":
        yield refuse(
            "replica-updates",
            found="the source is a replica that does not log what it replicates",
            wanted="log_replica_updates (log_slave_updates) ON",
            mend="set it in the server's configuration and restart it, or migrate from the replica's own source",
        )
    if facts.freeze in ("read-only", "revoke", "fence"):
        yield warn(
            "freeze-replica",
            found="the source is a replica: no freeze stops what it replicates",
            wanted="replication stopped before the cutover",
            mend="STOP REPLICA; before the cutover, or migrate from the replica's own source",
        )


def _transactions(facts: Facts) -> Iterator[Finding]:
    if facts.mariadb or facts.grants.has("XA_RECOVER_ADMIN"):
        prepared = len(facts.query("xa recover"))
        if prepared:
            yield warn(
                "transaction-prepared",
                found=f"{prepared} prepared transaction(s): the load waits for their end, and so does the freeze",
                wanted="none",
                mend="XA RECOVER; then XA COMMIT or XA ROLLBACK each",
            )
    if facts.grants.has("PROCESS"):
        rows = facts.query(
            "select trx_mysql_thread_id, timestampdiff(second, trx_started, here) from information_schema.innodb_trx, "
            "(select convert_tz(now(), @@session.time_zone, 'SYSTEM') here) clock "  # whose zone trx_started is in
            f"where trx_started < here - interval {_LONG} second and trx_mysql_thread_id > 0"
        )
        if rows:
            yield warn(
                "transaction-long",
                found="transactions are open for long: "
                + listed([f"session {session}: {age} s" for session, age in rows]),
                wanted="none when the migration starts: the load waits for their end",
                mend=" ".join(f"KILL {who};" for who, _ in rows[:10]),
            )


# --- the tables -------------------------------------------------------------------------------------------------------


def _tables(facts: Facts) -> Iterator[Finding]:
    for table in (each.source for each in facts.tables):
        place = qualified(table.name)
        if not table.transactional:
            report = warn if table.primary_key else refuse
            key = "" if table.primary_key else " and no primary key: a change seen twice could not be told from two"
            yield report(
                "table-not-transactional",
                found=f"{table.name} has no transactions{key}",
                wanted="tables with transactions, or at least a primary key",
                mend=f"ALTER TABLE {place} ENGINE = InnoDB;",
            )
        elif table.primary_key is None:
            yield warn(
                "table-without-key",
                found=f"{table.name} has no primary key: its changes are slow to apply and are matched by all columns",
                wanted="a primary key",
                mend=f"ALTER TABLE {place} ADD PRIMARY KEY (...);",
            )


def _row_size(facts: Facts) -> Iterator[Finding]:
    """
    A function's result above max_allowed_packet is NULL: the load sees that and takes such rows the slower way. Of JSON
    in MySQL nothing is handed out then, and the load stops.
    """
    packet = int(facts.variables["max_allowed_packet"])
    if packet >= _LARGEST_PACKET:
        return
    unmeasured = []
    for table in (each.source for each in facts.tables):
        wide = [column for column in table.columns if _most(column) and not column.generated]
        if sum(_most(column) for column in wide) <= packet:
            continue
        if table.rows >= _MEASURABLE:
            unmeasured.append(str(table.name))
        elif (longest := _longest(facts, table, wide)) > packet:
            yield warn(
                "row-size",
                found=f"a row of {table.name} may take {longest} bytes as text, max_allowed_packet is {packet}",
                wanted=f"max_allowed_packet of {longest} or more: longer rows go slower, longer JSON not at all",
                mend=f"SET GLOBAL max_allowed_packet = {min(_LARGEST_PACKET, ((longest >> 20) + 1) << 20)};",
            )
    if unmeasured:
        yield warn(
            "row-size",
            found=f"not measured, being large: {listed(unmeasured)}; rows of over {packet} bytes take a slower way",
            wanted="max_allowed_packet above the longest row",
            mend=f"SET GLOBAL max_allowed_packet = {_LARGEST_PACKET};",
        )


def _most(column: Column) -> int:
    """The most bytes that a value can take in a line, every byte escaped; 0 for short types."""
    limit = _LIMITS.get(column.native, _LARGEST_PACKET if isinstance(column.kind, Json | Text | Bytes) else 0)
    if isinstance(column.kind, Text | Bytes) and column.kind.length is not None:
        limit = column.kind.length * 4
    return limit * _growth(column)


def _growth(column: Column) -> int:
    narrow = column.collation is not None and not column.collation.startswith("utf8")
    return 4 if narrow else 2


def _longest(facts: Facts, table: Table, columns: list[Column]) -> int:
    if not facts.grants.has("SELECT", table.name.schema):
        return 0
    lengths = " + ".join(f"coalesce({_length(column)}, 0) * {_growth(column)}" for column in columns)
    return int(facts.query(f"select max({lengths}) from {qualified(table.name)}")[0][0] or 0)


def _length(column: Column) -> str:
    """JSON above max_allowed_packet has the length 0 here."""
    return f"{'json_storage_size' if column.native == 'json' else 'length'}({quote(column.name)})"


# --- the freeze -------------------------------------------------------------------------------------------------------


def _freeze(facts: Facts) -> Iterator[Finding]:
    if facts.freeze == "revoke":
        yield from check_revoke(facts)
        yield from _cluster(facts)
    if facts.freeze not in ("read-only", "fence"):
        return
    if facts.variables["read_only"] != "OFF" and not noted(facts.connection):
        yield refuse(
            "freeze-already",
            found="the source is read-only already: a thaw would open what somebody else closed",
            wanted="a source that takes writes",
            mend="SET GLOBAL read_only = OFF; or migrate from the server that takes the writes",
        )
    if facts.freeze == "fence" and facts.variables.get("offline_mode") == "ON" and not noted(facts.connection):
        yield refuse(
            "freeze-already",
            found="the source is in offline mode already: a thaw would open what somebody else closed",
            wanted="a source that applications connect to",
            mend="SET GLOBAL offline_mode = OFF;",
        )
    yield from _cluster(facts)
    if facts.mariadb:
        yield from _bypass(facts)


def _cluster(facts: Facts) -> Iterator[Finding]:
    together = facts.variables.get("wsrep_on") == "ON"
    if together or facts.variables.get("group_replication_single_primary_mode") == "OFF":
        yield refuse(
            "freeze-cluster",
            found="the source is one of several servers that take writes: it would be frozen alone",
            wanted="a freeze of all of them",
            mend="write `freeze: 'hook: COMMAND'` under cutover, with a command that stops the writers everywhere",
        )


def _bypass(facts: Facts) -> Iterator[Finding]:
    accounts = bypassing(facts.connection)
    others = None if accounts is None else [account for account in accounts if account != facts.account]
    if others != []:
        known = "accounts that may not be listed by our login" if others is None else listed(others)
        yield warn(
            "freeze-bypass",
            found=f"read_only does not stop {known}: a row they write after the freeze undoes the cutover",
            wanted="no application that logs in with READ_ONLY ADMIN",
            mend="REVOKE READ_ONLY ADMIN ON *.* FROM ACCOUNT; for each that writes"
            if others is not None
            else f"GRANT SELECT ON mysql.* TO {facts.account};",
        )
    if facts.variables.get("event_scheduler") == "ON" and facts.query(
        "select 1 from information_schema.events where status = 'ENABLED' limit 1"
    ):
        yield warn(
            "freeze-events",
            found="the event scheduler runs events, which write in spite of read_only if their definer may",
            wanted="no event at the cutover",
            mend="SET GLOBAL event_scheduler = OFF; before the cutover",
        )


_CHECKS = (_version, _log, _replica, check_rights, _transactions, _tables, _row_size, _freeze)

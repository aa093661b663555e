"""Whether a database can serve as source or as target; every fault comes with what mends it (docs/checks.md)."""

from collections.abc import Callable, Collection, Iterator, Sequence

import psycopg2

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.findings import listed, refuse, warn
from landbridge.endpoints.postgres.changes import UNLOGGED
from landbridge.endpoints.postgres.connection import Database, closing, driver_errors, translate
from landbridge.endpoints.postgres.freeze import ROLES_EXEMPT, SUBSCRIPTIONS, fence, noted
from landbridge.endpoints.postgres.freeze.revoke_checks import check_revoke
from landbridge.endpoints.postgres.names import qualified, quote
from landbridge.endpoints.postgres.rights import Facts, check_rights, login, may_create
from landbridge.errors import MigrationError, Terminal
from landbridge.model import Table, TableMap, TableName

_OLDEST = 140000
_LONG = 60
_SLOTS = 2
_CONNECTIONS = 10

_ROOM = """
select current_setting('max_replication_slots')::int
    - (select count(*) from pg_catalog.pg_replication_slots where slot_name !~ '^landbridge_'),
    current_setting('max_wal_senders')::int
    - (select count(*) from pg_catalog.pg_stat_activity
        where backend_type = 'walsender' and application_name <> 'landbridge')"""

_CONNECTED = """
select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - count(*) from pg_catalog.pg_stat_activity where backend_type in ('client backend', 'walsender')"""

_LONG_RUNNING = f"""
select pid, extract(epoch from clock_timestamp() - xact_start)::int from pg_catalog.pg_stat_activity
where datname = current_database() and pid <> pg_catalog.pg_backend_pid() and backend_type = 'client backend'
    and xact_start < clock_timestamp() - interval '{_LONG} seconds'
order by xact_start"""

_PREPARED = "select gid from pg_catalog.pg_prepared_xacts where database = current_database() order by prepared"

_DATABASE_SETTING = """
select 1 from pg_catalog.pg_db_role_setting s join pg_catalog.pg_database d on d.oid = s.setdatabase
where d.datname = current_database() and s.setrole = 0 and 'default_transaction_read_only=on' = any (s.setconfig)"""

_IMMEDIATE_KEY = """
select 1 from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = %s and i.indisprimary and i.indimmediate"""

_EXISTING = """
select n.nspname, c.relname, c.relkind::text from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace where (n.nspname, c.relname) in %s order by 1, 2"""

_SCHEMAS = """
select nspname::text from pg_catalog.pg_namespace
where nspname = any (%s) and not pg_catalog.has_schema_privilege(oid, 'CREATE') order by 1"""

_REPLICA_ROLE = "select pg_catalog.has_parameter_privilege('session_replication_role', 'SET')"

_STANDBYS = "select slot_name::text from pg_catalog.pg_replication_slots where slot_type = 'physical' order by 1"

_SYNCHRONISES = 170_000

_SETTINGS = "select name, setting from pg_catalog.pg_settings"

Check = Callable[[Facts], Iterator[Finding]]


class Checker:
    def __init__(self, database: Database) -> None:
        self._database = database

    def reach(self) -> Finding | None:
        ref = self._database.ref
        try:
            self._database.open().close()
        except (MigrationError, psycopg2.Error, OSError) as error:
            known = translate(error, ref) if isinstance(error, psycopg2.Error) else error
            reason = known.found if isinstance(known, MigrationError) else str(known)
            mend = known.mend if isinstance(known, MigrationError) else "check host, port, tls and ca in the plan"
            return refuse(
                "reach",
                found=f"no connection to {ref.host}:{ref.port or 5432} as {ref.user}: {reason}",
                wanted="a server that lets this login in",
                mend=mend,
            )
        return None

    def check_source(self, tables: Sequence[TableMap], freeze: str) -> Iterator[Finding]:
        yield from self._checked(tables, freeze, _SOURCE)

    def check_target(self, tables: Sequence[TableMap], owned: Collection[TableName]) -> Iterator[Finding]:
        def existing(facts: Facts) -> Iterator[Finding]:
            return _existing(facts, owned)

        yield from self._checked(tables, "", (*_TARGET, existing))

    def _checked(self, tables: Sequence[TableMap], freeze: str, checks: Sequence[Check]) -> Iterator[Finding]:
        unreachable = self.reach()
        if unreachable:
            yield unreachable
            return
        with (
            driver_errors(self._database.ref),
            closing(self._database.open()) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_SETTINGS)
            settings = dict(cursor.fetchall())
            facts = Facts(
                cursor=cursor,
                settings=settings,
                version=int(settings["server_version_num"]),
                login=login(cursor),
                tables=tables,
                freeze=freeze,
            )
            for check in checks:
                yield from self._tried(check, facts)

    def _tried(self, check: Check, facts: Facts) -> Iterator[Finding]:
        try:
            yield from check(facts)
        except psycopg2.Error as error:
            known = translate(error, self._database.ref)
            subject = check.__name__.strip("_").replace("_", " ")
            yield refuse(
                "unchecked",
                found=f"could not look at {subject}: {known.found}",
                wanted="every check made",
                mend=known.mend,
            )


# --- both -------------------------------------------------------------------------------------------------------------


def _version(facts: Facts) -> Iterator[Finding]:
    if facts.version < _OLDEST:
        yield refuse(
            "server-version",
            found=f"the server is version {facts.settings['server_version']}",
            wanted="14 or newer",
            mend="upgrade the server",
        )


def _standby(facts: Facts) -> Iterator[Finding]:
    if facts.query("select pg_catalog.pg_is_in_recovery()")[0][0]:
        yield refuse(
            "standby",
            found="the server is a standby",
            wanted="the primary, where publications and tables can be made",
            mend="give the primary's host and port in the plan",
        )


def _encoding(facts: Facts) -> Iterator[Finding]:
    """A source in any real encoding is converted by the server; in SQL_ASCII nobody knows what the bytes mean."""
    if facts.settings["server_encoding"] == "SQL_ASCII":
        yield _encoded_wrong(facts)


def _encoded_wrong(facts: Facts) -> Finding:
    return refuse(
        "encoding",
        found=f"the database {facts.login.database} is encoded in {facts.settings['server_encoding']}",
        wanted="UTF8",
        mend="make a database WITH ENCODING 'UTF8' TEMPLATE template0 and use that",
    )


# --- the source -------------------------------------------------------------------------------------------------------


def _log(facts: Facts) -> Iterator[Finding]:
    if facts.settings["wal_level"] != "logical":
        yield refuse(
            "wal-level",
            found=f"wal_level is {facts.settings['wal_level']}",
            wanted="wal_level logical, so that changes can be read",
            mend="ALTER SYSTEM SET wal_level = logical; and restart the server",
        )
    plugins = facts.settings.get("output_plugin_libraries", "")
    if plugins and "pgoutput" not in plugins:
        yield refuse(
            "output-plugin",
            found=f"output_plugin_libraries is {plugins}",
            wanted="pgoutput among them",
            mend=f"ALTER SYSTEM SET output_plugin_libraries = '{plugins}, pgoutput'; SELECT pg_reload_conf();",
        )
    yield from _room(facts)
    yield from _patience(facts)


def _room(facts: Facts) -> Iterator[Finding]:
    """One slot and one sender for the stream, one more of each for a comparison's snapshot."""
    free = dict(zip(("max_replication_slots", "max_wal_senders"), facts.query(_ROOM)[0], strict=True))
    for setting, left in free.items():
        if left < _SLOTS:
            more = int(facts.settings[setting]) + _SLOTS - left
            yield refuse(
                "replication-slots" if setting == "max_replication_slots" else "wal-senders",
                found=f"{left} of {facts.settings[setting]} ({setting}) are free",
                wanted=f"{_SLOTS} free",
                mend=f"ALTER SYSTEM SET {setting} = {more}; and restart the server, or drop what is not needed",
            )


def _patience(facts: Facts) -> Iterator[Finding]:
    for setting, unlimited in (("max_slot_wal_keep_size", "-1"), ("idle_replication_slot_timeout", "0")):
        value = facts.settings.get(setting, unlimited)
        if value != unlimited:
            yield warn(
                "slot-limits",
                found=f"{setting} is {value}: after a long outage the slot is lost and the load begins anew",
                wanted=f"no limit ({unlimited}), or one that an outage will not reach",
                mend=f"ALTER SYSTEM SET {setting} = {unlimited}; SELECT pg_reload_conf();",
            )


def _failover(facts: Facts) -> Iterator[Finding]:
    """Slots of physical standbys, of which one may take over."""
    standbys = [name for (name,) in facts.query(_STANDBYS)]
    if facts.version >= _SYNCHRONISES and standbys and not facts.settings["synchronized_standby_slots"]:
        yield warn(
            "failover-slots",
            found=f"the stream may overtake standbys ({listed(standbys)}): if one takes over, it cannot go on there",
            wanted="the slots of the standbys that may take over in synchronized_standby_slots, and on those "
            "sync_replication_slots, with a database in primary_conninfo",
            mend=f"ALTER SYSTEM SET synchronized_standby_slots = '{', '.join(standbys)}'; SELECT pg_reload_conf();",
        )


def _transactions(facts: Facts) -> Iterator[Finding]:
    prepared = [gid for (gid,) in facts.query(_PREPARED)]
    if prepared:
        yield warn(
            "transaction-prepared",
            found=f"prepared transactions: {listed(prepared)}; the load waits for their end, and so does the freeze",
            wanted="none",
            mend="COMMIT PREPARED or ROLLBACK PREPARED each",
        )
    running = facts.query(_LONG_RUNNING)
    if running:
        yield warn(
            "transaction-long",
            found="transactions are open for long: " + listed([f"pid {pid}: {age} s" for pid, age in running]),
            wanted="none when the migration starts: the load waits for their end",
            mend=" ".join(f"SELECT pg_terminate_backend({pid});" for pid, _ in running[:10]),
        )


def _tables(facts: Facts) -> Iterator[Finding]:
    for table in (each.source for each in facts.tables):
        if table.old_image == "none":
            yield refuse(
                "replica-identity",
                found=f"changes of {table.name} do not say which row they mean; once it is published, the "
                "application's own UPDATE and DELETE would fail",
                wanted="the primary key as replica identity, or the whole row",
                mend=" ".join(_identity(facts, table)),
            )
        elif facts.version >= 180000 and table.old_image == "full" and _is_virtual(table):
            yield refuse(
                "replica-identity",
                found=f"{table.name} sends its whole old row, and a virtual column cannot be sent; once it is "
                "published, the application's own UPDATE and DELETE would fail",
                wanted="the primary key as replica identity, or no virtual generated column",
                mend=" ".join(_identity(facts, table))
                if table.primary_key
                else f"ALTER TABLE {qualified(table.name)} ADD PRIMARY KEY (...), REPLICA IDENTITY DEFAULT;",
            )
        elif table.primary_key is None:
            yield warn(
                "table-without-key",
                found=f"{table.name} has no primary key: its changes are slow to apply and are matched by all columns",
                wanted="a primary key",
                mend=f"ALTER TABLE {qualified(table.name)} ADD PRIMARY KEY (...);",
            )


def _unlogged(facts: Facts) -> Iterator[Finding]:
    found = facts.query(UNLOGGED, [qualified(each.source.name) for each in facts.tables])
    if names := [name for (name,) in found]:
        yield refuse(
            "unlogged-table",
            found=f"unlogged, so that their changes are in no log: {listed(names)}",
            wanted="logged tables and partitions",
            mend=" ".join(f"ALTER TABLE {name} SET LOGGED;" for name in names),
        )


def _is_virtual(table: Table) -> bool:
    return any(column.generated is not None and not column.generated.stored for column in table.columns)


def _identity(facts: Facts, table: Table) -> Iterator[str]:
    """Partitions have their own: what is set on the root does not reach them."""
    partitions = table.partitioning.partitions if table.partitioning else ()
    usable = facts.query(_IMMEDIATE_KEY, table.name.schema, table.name.name)
    for name in (table.name, *(partition.name for partition in partitions)):
        yield f"ALTER TABLE {qualified(name)} REPLICA IDENTITY {'DEFAULT' if usable else 'FULL'};"


def _freeze(facts: Facts) -> Iterator[Finding]:
    if facts.freeze == "revoke":
        yield from check_revoke(facts)
    if facts.freeze == "fence":
        yield from _fence(facts)
    if facts.freeze not in ("read-only", "fence"):
        return
    database = quote(facts.login.database)
    if facts.query(_DATABASE_SETTING) and noted(facts.cursor) is None:
        yield refuse(
            "freeze-already",
            found=f"{facts.login.database} is read-only already: a thaw would open what somebody else closed",
            wanted="a source that takes writes",
            mend=f"ALTER DATABASE {database} RESET default_transaction_read_only;",
        )
    for role, here in facts.query(ROLES_EXEMPT):
        place = f" IN DATABASE {database}" if here else ""
        yield refuse(
            "freeze-bypass",
            found=f"the role {role} has its own default_transaction_read_only, which the freeze does not change",
            wanted="no role that is exempt",
            mend=f"ALTER ROLE {quote(role)}{place} RESET default_transaction_read_only;",
        )
    for (name,) in facts.query(SUBSCRIPTIONS):
        yield warn(
            "freeze-replica",
            found=f"the subscription {name} writes to the source in spite of the freeze",
            wanted="no subscription at the cutover",
            mend=f"ALTER SUBSCRIPTION {quote(name)} DISABLE; before the cutover",
        )


def _fence(facts: Facts) -> Iterator[Finding]:
    try:
        fence.rights(facts.cursor)
    except Terminal as error:
        yield refuse("freeze-mode", found=error.found, wanted="rights that the owner can give back", mend=error.mend)


# --- the target -------------------------------------------------------------------------------------------------------


def _target(facts: Facts) -> Iterator[Finding]:
    if facts.settings["server_encoding"] != "UTF8":
        yield _encoded_wrong(facts)
    if facts.query(_DATABASE_SETTING):
        yield refuse(
            "target-read-only",
            found=f"{facts.login.database} is read-only by default: somebody closed it",
            wanted="a target that takes writes",
            mend=f"ALTER DATABASE {quote(facts.login.database)} RESET default_transaction_read_only;",
        )
    yield from may_create(facts, "for the ledger and the schemas")
    schemas = sorted({each.target.name.schema for each in facts.tables})
    for (schema,) in facts.query(_SCHEMAS, schemas):
        yield refuse(
            "right-create",
            found=f"{facts.login.name} may not create tables in the schema {schema}",
            wanted="CREATE on every target schema that is there already",
            mend=f"GRANT CREATE, USAGE ON SCHEMA {quote(schema)} TO {quote(facts.login.name)};",
        )
    if not (facts.login.superuser or (facts.version >= 150000 and facts.query(_REPLICA_ROLE)[0][0])):
        yield warn(
            "right-replica-role",
            found=f"{facts.login.name} may not set session_replication_role: a trigger that somebody makes on a target "
            "table before the cutover would fire for every change, so apply would stop there",
            wanted="the right to set it",
            mend=f"GRANT SET ON PARAMETER session_replication_role TO {quote(facts.login.name)}; (from version 15)",
        )
    if not facts.query("select pg_catalog.has_database_privilege(current_database(), 'TEMP')")[0][0]:
        yield refuse(
            "right-temp",
            found=f"{facts.login.name} may not make temporary tables, through which changes are applied in sets",
            wanted="TEMP on the database",
            mend=f"GRANT TEMP ON DATABASE {quote(facts.login.database)} TO {quote(facts.login.name)};",
        )
    left = facts.query(_CONNECTED)[0][0]
    if left < _CONNECTIONS:
        yield warn(
            "connections",
            found=f"{left} connections are free",
            wanted=f"{_CONNECTIONS} or more, with load.workers in the plan in mind",
            mend=f"ALTER SYSTEM SET max_connections = {int(facts.settings['max_connections']) + 20}; and restart",
        )


def _existing(facts: Facts, owned: Collection[TableName]) -> Iterator[Finding]:
    names = {each.target.name for each in facts.tables} - set(owned)
    pairs = tuple((name.schema, name.name) for name in sorted(names))
    for schema, name, kind in facts.query(_EXISTING, pairs) if pairs else ():
        table = f"{quote(schema)}.{quote(name)}"
        filled = kind in "rp" and _has_rows(facts, table)
        yield refuse(
            "target-not-empty" if filled else "target-exists",
            found=f"{schema}.{name} is on the target already{' and holds rows' if filled else ''}, and this plan did "
            "not make it",
            wanted="a target without the planned tables",
            mend=f"DROP {_DROP.get(kind, 'TABLE')} {table}; or send the source's table elsewhere with `to` in the plan",
        )


def _has_rows(facts: Facts, table: str) -> bool:
    try:
        return bool(facts.query(f"select exists (select from {table})")[0][0])
    except psycopg2.errors.InsufficientPrivilege:
        return False  # its being there is a refusal all the same


_DROP = {"v": "VIEW", "m": "MATERIALIZED VIEW", "S": "SEQUENCE", "f": "FOREIGN TABLE", "i": "INDEX", "c": "TYPE"}
_SOURCE: tuple[Check, ...] = (
    _version,
    _standby,
    _encoding,
    _log,
    _failover,
    check_rights,
    _transactions,
    _tables,
    _unlogged,
    _freeze,
)
_TARGET: tuple[Check, ...] = (_version, _standby, _target)

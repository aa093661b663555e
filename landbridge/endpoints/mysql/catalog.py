"""
What a server of this family holds, read from information_schema with one query per kind of object.

information_schema is not exact everywhere: it keeps its texts in three-byte UTF-8, cuts a binary default at its first
zero byte, shows a MySQL TIMESTAMP default in the zone of the session that made it, and hides foreign keys and triggers
from logins without rights on them. Where that matters, the value is asked of the server itself.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import groupby
from typing import Any, Literal

import pymysql
from pymysql.constants import ER

from landbridge.endpoints.mysql import FAMILY, kinds
from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.endpoints.mysql.objects import definitions
from landbridge.endpoints.mysql.objects.grants import grants
from landbridge.endpoints.mysql.read.scan import Questions, Scanned
from landbridge.endpoints.mysql.schema import definition, versioning
from landbridge.kinds import Bytes, Date, Enum, Geometry, Json, Kind, Other, Set, Time, Timestamp, TimestampTz
from landbridge.model import (
    Catalog,
    Check,
    Column,
    Default,
    ForeignKey,
    Generated,
    Index,
    IndexPart,
    Key,
    SchemaObject,
    Table,
    TableName,
    Versioning,
)
from landbridge.model import Sequence as NumberSequence

SCAN_LIMIT = 50_000_000
"""Above this many rows a tinyint(1) is taken as a number without looking at its data."""

Row = tuple[Any, ...]
Grouped = dict[TableName, list[Row]]

_SYSTEM = ("mysql", "sys", "performance_schema", "information_schema", "landbridge")
_SQL = files(__package__).joinpath("catalog.sql").read_text(encoding="utf-8")
_QUERIES = dict(re.findall(r"^-- name: (\w+)\n(.*?)(?=^-- name|\Z)", _SQL, re.MULTILINE | re.DOTALL))
_ACTION = r"(RESTRICT|CASCADE|SET NULL|NO ACTION|SET DEFAULT)"
_DENIED = (ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR)
_TEMPORARY = "landbridge_sample"
_VERSIONED = "SYSTEM VERSIONED"


class Describer:
    def __init__(self, database: Database) -> None:
        self._database = database

    def schemas(self) -> tuple[str, ...]:
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            rows = fetch(connection, "select schema_name from information_schema.schemata order by schema_name")
            return tuple(row[0] for row in rows if row[0].lower() not in _SYSTEM)

    def describe(self, schemas: Collection[str]) -> Catalog:
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            version = str(fetch(connection, "select version()")[0][0])
            if not schemas:
                return Catalog(family=FAMILY, version=version, tables=())
            mariadb = self._database.is_mariadb(connection)
            return _Reading(connection=connection, mariadb=mariadb, schemas=tuple(schemas)).catalog(version)

    def table(self, name: TableName) -> Table | None:
        """One table as it is now, without a look at its rows."""
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            mariadb = self._database.is_mariadb(connection)
            return _Reading(connection=connection, mariadb=mariadb, schemas=(name.schema,)).table(name)


def fetch(connection: Any, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def show_create(connection: Any, table: TableName) -> str:
    """
    Empty where this login may not see it. Bytes that are no UTF-8, as MariaDB 10.11 prints binary defaults, are
    surrogates.
    """
    encoding = connection.encoding
    connection.encoding = "latin-1"  # the driver's decoding, which would fail at them
    try:
        ddl: str = fetch(connection, f"show create table {qualified(table)}".encode())[0][1]  # type: ignore[arg-type]
    except pymysql.MySQLError as error:
        if error.args[0] in _DENIED:
            return ""
        raise
    finally:
        connection.encoding = encoding
    return ddl.encode("latin-1").decode(errors="surrogateescape")


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """One pass over the catalog through one connection."""

    connection: Any
    mariadb: bool
    schemas: tuple[str, ...]

    def catalog(self, version: str) -> Catalog:
        self._see_everything()
        columns = self._grouped("columns")
        rows = [_by_transaction(row, columns) for row in self._rows("tables")]
        sequences = [TableName(schema=row[0], name=row[1]) for row in rows if row[2] == "SEQUENCE"]
        indexes, checks = self._grouped("indexes", flavoured=True), self._grouped("checks", flavoured=True)
        others = {*self._objects(), *_not_tables(rows), *_not_carried(indexes, checks)}
        others |= set(grants(self.connection, self.schemas))
        return Catalog(
            family=FAMILY,
            version=version,
            tables=tuple(self._tables([row for row in rows if _is_table(row)], columns, indexes, checks)),
            sequences=tuple(read_sequence(self.connection, name) for name in sequences),
            others=tuple(definitions.complete(self.connection, sorted(others, key=_place), self.schemas)),
        )

    def table(self, name: TableName) -> Table | None:
        self._see_everything()
        columns = self._grouped("columns")
        rows = [_by_transaction(row, columns) for row in self._rows("tables") if row[:2] == (name.schema, name.name)]
        unscanned = [(*row[:4], SCAN_LIMIT + 1, *row[5:]) for row in rows if _is_table(row)]
        indexes, checks = self._grouped("indexes", flavoured=True), self._grouped("checks", flavoured=True)
        return next(self._tables(unscanned, columns, indexes, checks), None)

    def _see_everything(self) -> None:
        """Cached estimates may be a day old; a hidden generated key is in every row event, so it must be seen."""
        if not self.mariadb:
            fetch(self.connection, "set session information_schema_stats_expiry = 0")
            fetch(self.connection, "set session show_gipk_in_create_table_and_information_schema = on")

    def _rows(self, query: str, *, flavoured: bool = False) -> list[Row]:
        name = query + (("_mariadb" if self.mariadb else "_mysql") if flavoured else "")
        return fetch(self.connection, _QUERIES[name], {"schemas": self.schemas})

    def _grouped(self, query: str, *, flavoured: bool = False) -> Grouped:
        grouped: Grouped = defaultdict(list)
        for row in self._rows(query, flavoured=flavoured):
            grouped[TableName(schema=row[0], name=row[1])].append(row[2:])
        return grouped

    def _tables(self, rows: list[Row], columns: Grouped, indexes: Grouped, checks: Grouped) -> Iterator[Table]:
        foreign_keys = self._foreign_keys()
        linked = _linked(foreign_keys)
        engines = fetch(self.connection, "select engine from information_schema.engines where transactions = 'YES'")
        old_image, logs_cascades = self._old_image(), self._logs_cascades()
        for schema, table, kind, engine, count, size, _, comment, collation in rows:
            name = TableName(schema=schema, name=table)
            reader = _Columns(connection=self.connection, mariadb=self.mariadb, table=name)
            documents = {row[0] for row in checks[name] if _is_json_check(row)}
            described = reader.read(columns[name], documents, linked[name], scan=(count or 0) <= SCAN_LIMIT)
            text = definition.read(show_create(self.connection, name), collation, described)
            history = self._versioning(name, columns[name], text) if kind == _VERSIONED else None
            keys = versioning.without_end(indexes[name], history) if history else indexes[name]
            yield Table(
                name=name,
                columns=described,
                primary_key=_primary_key(keys),
                indexes=tuple(self._indexes(keys)),
                foreign_keys=tuple(foreign_keys.get(name, ())),
                checks=tuple(self._checks(checks[name])),
                comment=comment,
                partitioning=definition.partitioning(text),
                definition=text,
                transactional=(engine,) in engines,
                old_image=old_image,
                logs_cascades=logs_cascades,
                versioning=history,
                rows=count or 0,
                bytes=size or 0,
            )

    def _versioning(self, name: TableName, columns: list[Row], text: Sequence[str]) -> Versioning:
        found = versioning.found([(row[0], row[5]) for row in columns], text)
        try:
            counts = [fetch(self.connection, f"select count(*) from {qualified(name)}{part}")[0][0]
                      for part in (" for system_time all", "")]  # fmt: skip
        except pymysql.MySQLError as error:
            if error.args[0] in _DENIED:
                return found
            raise
        return versioning.counted(found, *counts)

    def _old_image(self) -> Literal["full", "key"]:
        image = fetch(self.connection, "select @@global.binlog_row_image")[0][0]
        return "full" if image.startswith("FULL") else "key"

    def _logs_cascades(self) -> bool:
        release = fetch(self.connection, "select version()")[0][0].split("-")[0].split(".")
        return logs_cascades((int(release[0]), int(release[1])), mariadb=self.mariadb)

    def _plain(self, expression: str) -> str:
        return expression if self.mariadb else kinds.plain(expression)

    def _checks(self, rows: list[Row]) -> Iterator[Check]:
        for name, clause, enforced in rows:
            if enforced == "YES" and not _is_json_check((name, clause)):
                yield Check(name=name, expression=self._plain(clause))

    def _indexes(self, rows: list[Row]) -> Iterator[Index]:
        for name, group in groupby(rows, key=lambda row: row[0]):
            if name != "PRIMARY":
                parts = list(group)
                _, non_unique, _, _, _, method, comment, _, _ = parts[0]
                bare = all(column is not None and prefix is None for _, _, column, _, prefix, *_ in parts)
                yield Index(
                    name=name,
                    parts=tuple(self._part(row) for row in parts),
                    unique=not non_unique,
                    constraint=not non_unique and bare,
                    method=method.lower(),
                    comment=comment,
                )

    def _part(self, row: Row) -> IndexPart:
        _, _, column, collation, prefix, method, _, _, expression = row
        prefix = None if method == "SPATIAL" else prefix
        if column is None:
            expression = self._plain(expression)
            native = f"({expression})"
        else:
            native = quote(column) + (f"({prefix})" if prefix else "")
        descending = collation == "D"
        return IndexPart(
            column=column,
            expression=expression,
            descending=descending,
            prefix=prefix,
            native=native + " DESC" * descending,
        )

    def _foreign_keys(self) -> dict[TableName, list[ForeignKey]]:
        actions = {(row[0], row[1], row[2]): row[3:] for row in self._rows("actions")}
        found: dict[TableName, list[ForeignKey]] = {}
        for table, rows in self._grouped("foreign_keys").items():
            for name, group in groupby(rows, key=lambda row: row[0]):
                parts = list(group)
                rules = actions.get((table.schema, table.name, name)) or self._rules_in_ddl(table, name)
                found.setdefault(table, []).append(_foreign_key(name, parts, *rules))
        return found

    def _rules_in_ddl(self, table: TableName, name: str) -> tuple[str, str]:
        """MariaDB shows referential_constraints only to logins that may do more than SELECT."""
        ddl = fetch(self.connection, f"show create table {qualified(table)}")[0][1]
        begin = f"CONSTRAINT {quote(name)} FOREIGN KEY"
        line = next(line for line in ddl.splitlines() if line.lstrip().startswith(begin))
        deleted, updated = re.search(f" ON DELETE {_ACTION}", line), re.search(f" ON UPDATE {_ACTION}", line)
        return deleted[1] if deleted else "RESTRICT", updated[1] if updated else "RESTRICT"

    def _objects(self) -> Iterator[SchemaObject]:
        for query in ("triggers", "routines", "events"):
            for schema, name, kind, table in self._rows(query):
                parent = TableName(schema=schema, name=table) if table else None
                yield SchemaObject(kind=kind, name=TableName(schema=schema, name=name), parent=parent)


def _place(found: SchemaObject) -> tuple[str, TableName, TableName]:
    return found.kind, found.name, found.parent or found.name


def _by_transaction(row: Row, columns: Grouped) -> Row:
    """Tables whose history counts transactions are none that can be carried: their changes are logged as statements."""
    found = columns[TableName(schema=row[0], name=row[1])] if row[2] == _VERSIONED else ()
    counting = any(column[5] == "ROW START" and column[3].startswith("bigint") for column in found)
    return (*row[:2], versioning.BY_TRANSACTION, *row[3:]) if counting else row


def _is_table(row: Row) -> bool:
    return row[2] in ("BASE TABLE", _VERSIONED) and row[3] is not None


def _not_tables(rows: list[Row]) -> Iterator[SchemaObject]:
    for schema, table, kind, engine, *_ in rows:
        name = TableName(schema=schema, name=table)
        if _is_table((schema, table, kind, engine)):
            continue
        if kind in ("BASE TABLE", _VERSIONED):
            yield SchemaObject(kind="damaged table", name=name)
        elif kind != "SEQUENCE":
            yield SchemaObject(kind=kind.lower(), name=name)


def _not_carried(indexes: Grouped, checks: Grouped) -> Iterator[SchemaObject]:
    """What a table has and a target would have differently: checks that are not enforced, indexes that are not used."""
    for table, rows in indexes.items():
        for name in {row[0] for row in rows if row[7]}:
            yield SchemaObject(kind="invisible index", name=replace(table, name=name), parent=table)
    for table, rows in checks.items():
        for name in {row[0] for row in rows if row[2] != "YES"}:
            yield SchemaObject(kind="unenforced check", name=replace(table, name=name), parent=table)


def _is_json_check(row: Row) -> bool:
    """MariaDB's JSON is LONGTEXT with this check, named like its column."""
    return bool(row[1] == f"json_valid({quote(row[0])})")


def _primary_key(rows: list[Row]) -> Key | None:
    columns = tuple(row[2] for row in rows if row[0] == "PRIMARY")
    return Key(name="PRIMARY", columns=columns) if columns else None


def _foreign_key(name: str, parts: list[Row], on_delete: str, on_update: str) -> ForeignKey:
    return ForeignKey(
        name=name,
        columns=tuple(part[1] for part in parts),
        target=TableName(schema=parts[0][2], name=parts[0][3]),
        target_columns=tuple(part[4] for part in parts),
        on_delete=on_delete,
        on_update=on_update,
    )


def _linked(foreign_keys: Mapping[TableName, list[ForeignKey]]) -> dict[TableName, set[str]]:
    """The columns of every table that stand at one end of a foreign key."""
    linked: dict[TableName, set[str]] = defaultdict(set)
    for table, keys in foreign_keys.items():
        for key in keys:
            linked[table].update(key.columns)
            linked[key.target].update(key.target_columns)
    return linked


def logs_cascades(release: tuple[int, int], *, mariadb: bool) -> bool:
    """MySQL 9.6 moved foreign key actions from the storage engine to the SQL layer, and so into the binlog."""
    return not mariadb and release >= (9, 6)


def read_sequence(connection: Any, name: TableName) -> NumberSequence:
    """MariaDB hands numbers out from a cache, so the last one is the highest that may have been used."""
    columns = "next_not_cached_value, start_value, minimum_value, maximum_value, increment, cache_size, cycle_option"
    following, start, low, high, step, cache, cycle = fetch(connection, f"select {columns} from {qualified(name)}")[0]
    return NumberSequence(
        name=name,
        start=start,
        increment=step or 1,
        minimum=low,
        maximum=high,
        cache=cache or 1,
        cycle=bool(cycle),
        last_value=None if following == start else following - (step or 1),
    )


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """The columns of one table, with a question to the server where information_schema is not exact."""

    connection: Any
    mariadb: bool
    table: TableName

    def read(self, rows: list[Row], documents: set[str], linked: set[str], *, scan: bool) -> tuple[Column, ...]:
        """documents: columns with JSON's check. linked: those of a foreign key, whose ends must have one type."""
        scanned = self._questions(rows, linked).ask(self._ask, qualified(self.table)) if scan else Scanned()
        return tuple(self._exact(self._column(row, row[0] in documents, scanned)) for row in rows)

    def _questions(self, rows: list[Row], linked: set[str]) -> Questions:
        stored = [(row[0], kinds.kind_of(row[3])) for row in rows if not row[5]]
        return Questions(
            booleans=[
                row[0]
                for row in rows
                if kinds.may_be_bool(row[3])
                and row[1] in (None, "NULL", "0", "1")
                and row[0] not in linked
                and "auto_increment" not in row[4].lower()
            ],
            times=[name for name, kind in stored if isinstance(kind, Time)],
            dates=[name for name, kind in stored if isinstance(kind, Date | Timestamp | TimestampTz)],
        )

    def _column(self, row: Row, document: bool, scanned: Scanned) -> Column:
        name, default, nullable, native, extra, expression, collation, comment = row
        kind: Kind = kinds.kind_of(native, boolean=name in scanned.booleans)
        if document and native == "longtext":
            kind = Json(exact=True)
        elif isinstance(kind, Time):
            kind = replace(kind, long=name in scanned.spans)
        extra = extra.lower()
        generated = Generated(expression=self._plain(expression), stored="stored" in extra) if expression else None
        return Column(
            name=name,
            kind=kind,
            native=native,
            nullable=nullable == "YES",
            default=None if generated else self._default(kind, default, extra),
            generated=generated,
            identity="auto" if "auto_increment" in extra else None,
            on_update_now="on update" in extra,
            odd_dates=scanned.odd_dates.get(name, 0),
            collation=collation,
            comment=comment,
        )

    def _plain(self, expression: str) -> str:
        return expression if self.mariadb else kinds.plain(expression)

    def _default(self, kind: Kind, default: str | None, extra: str) -> Default | None:
        if default is None or (self.mariadb and default == "NULL"):
            return None
        if self.mariadb:
            return kinds.default_of_expression(kind, default)
        if "default_generated" in extra:
            return kinds.default_of_expression(kind, self._plain(default))
        return kinds.default_of_value(kind, default)

    def _exact(self, column: Column) -> Column:
        kind, default = column.kind, column.default
        if isinstance(kind, Geometry) and not self.mariadb:
            return replace(column, kind=replace(kind, srid=self._srid(column.name)))
        if isinstance(kind, Enum | Set) and "?" in column.native:
            kind = self._exact_labels(column.name, kind) or Other(native=column.native)
        if default and default.literal is not None and self._is_vague(kind, default):
            default = self._exact_default(column.name, kind, default)
        return replace(column, kind=kind, default=default)

    def _is_vague(self, kind: Kind, default: Default) -> bool:
        return "?" in default.native or (not self.mariadb and isinstance(kind, Bytes | TimestampTz))

    def _exact_labels(self, column: str, kind: Enum | Set) -> Enum | Set | None:
        count = len(kind.labels)
        numbers = [1 << n for n in range(count)] if isinstance(kind, Set) else range(1, count + 1)
        rows = self._sample(column, "values " + ", ".join(f"({number})" for number in numbers), "a")
        return replace(kind, labels=tuple(label for (label,) in rows)) if rows else None

    def _exact_default(self, column: str, kind: Kind, shown: Default) -> Default:
        rows = self._sample(column, "() values ()", "hex(a)" if isinstance(kind, Bytes) else "convert(a using utf8mb4)")
        if not rows:
            return Default(native=shown.native)
        if isinstance(kind, Bytes):
            return kinds.default_of_value(kind, "0x" + rows[0][0])
        return kinds.default_of_value(kind, rows[0][0])

    def _srid(self, column: str) -> int | None:
        """MariaDB only notes what a column's values should have; MySQL refuses others, and so may the target."""
        where = "table_schema = %s and table_name = %s and column_name = %s"
        rows = fetch(
            self.connection,
            f"select srs_id from information_schema.columns where {where}",
            (self.table.schema, self.table.name, column),
        )
        return int(rows[0][0]) if rows and rows[0][0] else None

    def _sample(self, column: str, values: str, wanted: str) -> list[Row]:
        """
        What a column makes of values, tried in a temporary table of our session, which the log does not see: only a
        value shows a label's or a default's four-byte characters. Empty where this login may make no such table.
        """
        place = qualified(TableName(schema=self.table.schema, name=_TEMPORARY))
        source = f"select {quote(column)} a from {qualified(self.table)} limit 0"
        try:
            fetch(self.connection, f"create temporary table {place} as {source}")
        except pymysql.MySQLError as error:
            if error.args[0] in _DENIED:
                return []
            raise
        fetch(self.connection, f"insert into {place} {values}")
        rows = fetch(self.connection, f"select {wanted} from {place} order by a + 0e0")
        fetch(self.connection, f"drop temporary table {place}")
        return rows

    def _ask(self, sql: str) -> Row | None:
        """One row, or None where this login may not read the table, which precheck reports."""
        try:
            return fetch(self.connection, sql)[0]
        except pymysql.MySQLError as error:
            if error.args[0] in _DENIED:
                return None
            raise

"""
Whether two databases hold the same rows, found out without any code of the product: every row of every table is read
through the plain drivers, and only what must differ between engines is brought to one form.
"""

import contextlib
import json
import struct
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

from tests.support import rows

Rule = Callable[[Any], Any]

_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Side:
    """A schema, or a database where the engine has no schemas, behind an open driver connection."""

    engine: Literal["mysql", "postgres"]
    connection: Any
    schema: str


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A table as its own catalog has it: column names to types, in order, the key's columns, and which are computed."""

    columns: dict[str, str]
    key: tuple[str, ...]
    generated: frozenset[str]


def differences(source: Side, target: Side, without: Sequence[str] = ()) -> list[str]:
    """
    A line for each difference, some of each table at most; an empty list means equal. `without`: tables left out. A
    generated column of the source may be absent from the target: it holds nothing of its own.
    """
    wanted = {name: shape for name, shape in shapes(source).items() if name not in without}
    found = shapes(target)
    lines = [f"{name}: the target has no such table" for name in wanted if name not in found]
    lines += [f"{name}: the source has no such table" for name in found if name not in wanted]
    for name, shape in wanted.items():
        if name in found:
            lines += _table(source, target, name, shape, found[name])
    return lines


def count(side: Side) -> int:
    """Rows of all tables together, so that a test can tell two full databases from two empty ones."""
    return sum(rows(side.connection, f"SELECT COUNT(*) FROM {_table_name(side, name)}")[0][0] for name in shapes(side))


def shapes(side: Side) -> dict[str, Shape]:
    read = _mysql_columns if side.engine == "mysql" else _postgres_columns
    columns: dict[str, dict[str, str]] = defaultdict(dict)
    generated: dict[str, set[str]] = defaultdict(set)
    for table, column, kind, computed in read(side):
        columns[table][column] = kind
        if computed:
            generated[table].add(column)
    keys = _mysql_keys(side) if side.engine == "mysql" else _postgres_keys(side)
    return {
        table: Shape(columns=own, key=keys.get(table, ()), generated=frozenset(generated[table]))
        for table, own in columns.items()
    }


def _mysql_columns(side: Side) -> list[tuple[Any, ...]]:
    return rows(
        side.connection,
        "SELECT c.table_name, c.column_name, c.column_type, c.extra LIKE '%%GENERATED' FROM information_schema.columns c"
        " JOIN information_schema.tables t USING (table_schema, table_name)"
        " WHERE table_schema = %s AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position",
        (side.schema,),
    )


def _postgres_columns(side: Side) -> list[tuple[Any, ...]]:
    return rows(
        side.connection,
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated <> ''"
        " FROM pg_catalog.pg_attribute a"
        " JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = (SELECT oid FROM"
        " pg_catalog.pg_namespace WHERE nspname = %s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum",
        (side.schema,),
    )


def _mysql_keys(side: Side) -> dict[str, tuple[str, ...]]:
    return _keys(
        rows(
            side.connection,
            "SELECT table_name, column_name FROM information_schema.key_column_usage"
            " WHERE table_schema = %s AND constraint_name = 'PRIMARY' ORDER BY table_name, ordinal_position",
            (side.schema,),
        )
    )


def _postgres_keys(side: Side) -> dict[str, tuple[str, ...]]:
    return _keys(
        rows(
            side.connection,
            "SELECT c.relname, a.attname FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
            " CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY AS part (number, place)"
            " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = part.number"
            " WHERE k.contype = 'p' AND c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %s)"
            " ORDER BY c.relname, part.place",
            (side.schema,),
        )
    )


def _keys(found: list[tuple[Any, ...]]) -> dict[str, tuple[str, ...]]:
    keys: dict[str, tuple[str, ...]] = {}
    for table, column in found:
        keys[table] = (*keys.get(table, ()), column)
    return keys


def _table(source: Side, target: Side, name: str, left: Shape, right: Shape) -> Iterator[str]:
    computed = left.generated - right.columns.keys()
    left = replace(left, columns={column: kind for column, kind in left.columns.items() if column not in computed})
    if set(left.columns) != set(right.columns):
        yield f"{name}: columns {list(left.columns)} became {list(right.columns)}"
        return
    if left.key != right.key:
        yield f"{name}: key {left.key} became {right.key}"
    rules = [_rules(source.engine, target.engine, kind, right.columns[column]) for column, kind in left.columns.items()]
    here = _read(source, name, left.columns, [rule for rule, _ in rules], source.engine == target.engine)
    there_columns = {column: right.columns[column] for column in left.columns}
    there = _read(target, name, there_columns, [rule for _, rule in rules], source.engine == target.engine)
    names = list(left.columns)
    key = [names.index(column) for column in left.key]
    found = list(_keyed(here, there, key, names) if key else _unkeyed(here, there))
    yield from (f"{name}: {line}" for line in found[:_SHOWN])
    if len(found) > _SHOWN:
        yield f"{name}: {len(found) - _SHOWN} more"


def _keyed(here: list[Any], there: list[Any], key: list[int], names: list[str]) -> Iterator[str]:
    left = {tuple(row[place] for place in key): row for row in here}
    right = {tuple(row[place] for place in key): row for row in there}
    if len(there) != len(right):
        yield f"{len(there) - len(right)} key(s) twice in the target"
    for found in left.keys() - right.keys():
        yield f"{found} is missing in the target"
    for found in right.keys() - left.keys():
        yield f"{found} is only in the target"
    for found in left.keys() & right.keys():
        for column, ours, theirs in zip(names, left[found], right[found], strict=True):
            if ours != theirs or type(ours) is not type(theirs):
                yield f"{found}: {column} {_short(ours)} became {_short(theirs)}"


def _unkeyed(here: list[Any], there: list[Any]) -> Iterator[str]:
    left, right = Counter(map(_hashable, here)), Counter(map(_hashable, there))
    for row, times in (left - right).items():
        yield f"{times} row(s) missing in the target: {_short(row)}"
    for row, times in (right - left).items():
        yield f"{times} row(s) only in the target: {_short(row)}"


def _hashable(row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(repr(value) if isinstance(value, dict | list) else value for value in row)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 120 else f"{text[:100]}... ({len(text)} characters)"


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(side: Side, table: str, columns: dict[str, str], rules: list[Rule], alike: bool) -> list[tuple[Any, ...]]:
    """alike: both sides are one engine, whose own text is then the strictest form there is."""
    listed = ", ".join(_expression(side, column, kind, alike) for column, kind in columns.items())
    with contextlib.closing(side.connection.cursor()) as cursor:
        for setting in _settings(side):
            cursor.execute(setting)
        cursor.execute(f"SELECT {listed} FROM {_table_name(side, table)}")
        return [tuple(_value(rule, v) for rule, v in zip(rules, row, strict=True)) for row in cursor]


def _settings(side: Side) -> tuple[str, ...]:
    if side.engine == "mysql":
        return ("SET SESSION time_zone = '+00:00'", "SET SESSION sql_mode = ''")
    return (
        "SET TimeZone = 'UTC'",
        "SET DateStyle = 'ISO'",
        "SET IntervalStyle = 'postgres'",
        "SET extra_float_digits = 3",
    )


def _expression(side: Side, column: str, kind: str, alike: bool) -> str:
    name = quote(side, column)
    if side.engine == "postgres":
        return f"{name}::text" if alike or _plain(kind) in ("json", "jsonb") else name
    return f"({name} + 0e0)" if _plain(kind) == "float" else name  # a FLOAT's own text has six digits only


def quote(side: Side, name: str) -> str:
    return f"`{name.replace('`', '``')}`" if side.engine == "mysql" else '"' + name.replace('"', '""') + '"'


def _table_name(side: Side, table: str) -> str:
    return f"{quote(side, side.schema)}.{quote(side, table)}"


def _value(rule: Rule, value: Any) -> Any:
    return None if value is None else rule(value)


# --- one form for what two engines say differently --------------------------------------------------------------------


def _rules(engine: str, target_engine: str, kind: str, target_kind: str) -> tuple[Rule, Rule]:
    """What to make of a source's and of a target's value; never more than the two types force."""
    plain, target = _plain(kind), _plain(target_kind)
    if engine == target_engine:
        return (json.loads, json.loads) if target == "json" != plain else (_same, _same)
    if engine == "postgres":
        return _to_the_other(kind, target_kind)
    if plain in _BY_KIND:
        return _BY_KIND[plain](target)
    if target in ("json", "jsonb"):  # MariaDB's JSON is a longtext
        return json.loads, json.loads
    if target == "character":
        return _unpadded, _unpadded
    return _same, _same


def _to_the_other(kind: str, target_kind: str) -> tuple[Rule, Rule]:
    """What psycopg2 and PyMySQL say differently."""
    if kind.endswith("[]"):
        return _same, json.loads
    plain = _plain(kind)
    if plain in ("json", "jsonb"):
        return json.loads, json.loads
    if plain == "time":
        return _span, _same
    rules = {"bytea": _raw, "boolean": int, "character": _unpadded, "numeric": _digits, "timestamp": _instant}
    rule = rules.get(plain, _same)
    return rule, rule


def _same(value: Any) -> Any:
    return value


def _plain(kind: str) -> str:
    return kind.lower().partition("(")[0].split(" ")[0]


def _ints(_target: str) -> tuple[Rule, Rule]:
    return int, _integer


def _integer(value: Any) -> Any:
    return int(value) if isinstance(value, bool | int) or value == int(value) else value


def _floats(_target: str) -> tuple[Rule, Rule]:
    return _single, _single


def _single(value: Any) -> float:
    number: float = struct.unpack("f", struct.pack("f", float(value)))[0]
    return number


def _bits(_target: str) -> tuple[Rule, Rule]:
    return lambda value: int.from_bytes(value, "big"), lambda value: int(value, 2) if isinstance(value, str) else value


def _sets(_target: str) -> tuple[Rule, Rule]:
    return _labels, _labels


def _labels(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else tuple(value.split(",")) if value else ()


def _jsons(_target: str) -> tuple[Rule, Rule]:
    return json.loads, json.loads


def _bytes(_target: str) -> tuple[Rule, Rule]:
    return _raw, _raw


def _raw(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _instants(_target: str) -> tuple[Rule, Rule]:
    return _same, _instant


def _instant(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _times(_target: str) -> tuple[Rule, Rule]:
    return _same, _span


def _span(value: Any) -> Any:
    if isinstance(value, time):
        return timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    return value


def _decimals(_target: str) -> tuple[Rule, Rule]:
    return _digits, _digits


def _digits(value: Any) -> Any:
    """With the scale: 1.5 for 1.50 is a loss."""
    return format(value, "f") if isinstance(value, Decimal) else value


def _texts(target: str) -> tuple[Rule, Rule]:
    return (_unpadded, _unpadded) if target == "character" else (_same, _same)


def _unpadded(value: str) -> str:
    return value.rstrip(" ")


_BY_KIND: dict[str, Callable[[str], tuple[Rule, Rule]]] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "integer", "bigint", "year"), _ints),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), _bytes),
    **dict.fromkeys(("datetime", "timestamp"), _instants),
    "bit": _bits, "char": _texts, "decimal": _decimals, "float": _floats, "json": _jsons, "set": _sets, "time": _times,
}  # fmt: skip

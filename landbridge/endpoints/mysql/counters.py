"""Where AUTO_INCREMENT columns and MariaDB's sequences stand, and moving them on."""

from collections.abc import Iterator, Sequence
from typing import Any

from landbridge.endpoints.abc import Counter
from landbridge.endpoints.mysql.catalog import fetch, read_sequence
from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.endpoints.mysql.kinds import kind_of
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.errors import Terminal
from landbridge.kinds import Int
from landbridge.model import Sequence as NumberSequence
from landbridge.model import Table, TableName

_NEXT = "select table_schema, table_name, auto_increment from information_schema.tables where table_schema in %s"


class Counters:
    def __init__(self, database: Database) -> None:
        self._database = database

    def counters(self, tables: Sequence[Table], sequences: Sequence[NumberSequence]) -> tuple[Counter, ...]:
        columns = {table.name: column.name for table in tables for column in table.columns if column.identity}
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            if not self._database.is_mariadb(connection):
                fetch(connection, "set session information_schema_stats_expiry = 0")  # else a day old
            schemas = tuple({name.schema for name in columns})
            rows = fetch(connection, _NEXT, (schemas,)) if schemas else []
            following = {(schema, table): number for schema, table, number in rows}
            last = {name: (following.get((name.schema, name.name)) or 1) - 1 or None for name in columns}
            used = [read_sequence(connection, sequence.name) for sequence in sequences]
        return (
            *(Counter(name=name, column=column, last=last[name]) for name, column in columns.items()),
            *(Counter(name=sequence.name, column=None, last=sequence.last_value) for sequence in used),
        )

    def advance(self, counters: Sequence[Counter]) -> None:
        """
        Never moves one back. MySQL has no sequences: those are no counters there. Raises Terminal when a counter is not
        where it must be.
        """
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            mariadb = self._database.is_mariadb(connection)
            if not mariadb:
                fetch(connection, "set session information_schema_stats_expiry = 0")
            columns = [(counter, counter.column) for counter in counters if counter.column is not None]
            wrong = [str(c.name) for c, column in columns if not _advance_column(connection, c, column)]
            sequences = [counter for counter in counters if counter.column is None and mariadb]
            wrong += [str(counter.name) for counter in sequences if not _advance_sequence(connection, counter)]
        if wrong:
            raise Terminal(
                f"these counters are not there or did not stay where they were set: {', '.join(wrong)}",
                mend="make them by the schema step, end the sessions that use them on the target, then run this step"
                " again",
            )


def _advance_column(connection: Any, counter: Counter, column: str) -> bool:
    """Whether the table's next number is now past all; used up is past all, too."""
    largest = _largest(connection, counter.name, column)
    if largest is None:
        return False
    wanted = max(_extreme(connection, "max", counter.name, column) or 0, counter.last or 0) + 1
    if _following(connection, counter.name) < wanted:
        fetch(connection, f"alter table {qualified(counter.name)} auto_increment = {wanted}")
    return _following(connection, counter.name) >= min(wanted, largest)


def _following(connection: Any, table: TableName) -> int:
    """MySQL says NULL of a table that was never used."""
    rows = fetch(connection, f"{_NEXT} and table_name = %s", ((table.schema,), table.name))
    return int(rows[0][2] or 1)


def _largest(connection: Any, table: TableName, column: str) -> int | None:
    """The largest number that the column's type holds. None: it is no counter."""
    where = "table_schema = %s and table_name = %s and column_name = %s and extra like '%%auto_increment%%'"
    columns = f"select column_type from information_schema.columns where {where}"
    rows = fetch(connection, columns, (table.schema, table.name, column))
    kind = kind_of(rows[0][0]) if rows else None
    return 2 ** (kind.bits - (not kind.unsigned)) - 1 if isinstance(kind, Int) else None


def _advance_sequence(connection: Any, counter: Counter) -> bool:
    sequences = "select 1 from information_schema.tables where table_schema = %s and table_name = %s"
    kind = " and table_type = 'SEQUENCE'"
    if not fetch(connection, sequences + kind, (counter.name.schema, counter.name.name)):
        return False
    step = read_sequence(connection, counter.name).increment
    pick = "max" if step > 0 else "min"
    after = [number for number in _drawn(connection, counter.name, pick) if number is not None]
    after += [counter.last] if counter.last is not None else []
    if not after:
        return True
    last = max(after) if step > 0 else min(after)
    fetch(connection, f"select setval({qualified(counter.name)}, {last}, 1)")  # NULL, and no change, if it is past that
    present = read_sequence(connection, counter.name)
    return present.cycle or (present.last_value is not None and (present.last_value - last) * step >= 0)


def _drawn(connection: Any, sequence: TableName, pick: str) -> Iterator[int | None]:
    """The extremes of the columns that take their numbers from the sequence."""
    where = "column_default = %s"
    columns = "select table_schema, table_name, column_name from information_schema.columns where "
    for schema, table, column in fetch(connection, columns + where, (f"nextval({qualified(sequence)})",)):
        yield _extreme(connection, pick, TableName(schema=schema, name=table), column)


def _extreme(connection: Any, pick: str, table: TableName, column: str) -> int | None:
    value = fetch(connection, f"select {pick}({quote(column)}) from {qualified(table)}")[0][0]
    return None if value is None else int(value)

"""Where sequences and identity columns stand, and moving them on; a few statements for any number of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg2.extras import RealDictCursor

from landbridge.endpoints.abc import Counter
from landbridge.endpoints.postgres.connection import Database, closing, driver_errors
from landbridge.endpoints.postgres.names import qualified, quote
from landbridge.endpoints.postgres.queries import Row, reading, rows
from landbridge.errors import Terminal
from landbridge.model import Sequence as NumberSequence
from landbridge.model import Table, TableName

_BATCH = 200


class Counters:
    def __init__(self, database: Database) -> None:
        self._database = database

    def counters(self, tables: Sequence[Table], sequences: Sequence[NumberSequence]) -> tuple[Counter, ...]:
        """A sequence that a table's default uses is reported by its own name, also when it is not among `sequences`."""
        identities = [(table.name, column.name) for table in tables for column in table.columns if column.identity]
        names = {sequence.name: None for sequence in sequences if not sequence.identity}
        names |= {
            column.default.sequence: None
            for table in tables
            for column in table.columns
            if column.default and column.default.sequence
        }
        wanted = [*identities, *((name, None) for name in names)]
        with reading(self._database) as cursor:
            found = _resolve(cursor, wanted, right="readable")
            last = last_used(cursor, found)
        return tuple(
            Counter(name=name, column=column, last=last[row["oid"]])
            for (name, column), row in zip(wanted, found, strict=True)
        )

    def advance(self, counters: Sequence[Counter]) -> None:
        """
        Never moves one back, except a cycling sequence, which goes exactly to `last`. Where all numbers are used up the
        next call fails, as it would on the other side. Raises Terminal when a counter is not where it must be.
        """
        with (
            driver_errors(self._database.ref),
            closing(self._database.open()) as connection,
            connection.cursor(cursor_factory=RealDictCursor) as cursor,
        ):
            moves = _moves(cursor, counters)
            _set(cursor, [move for move in moves if move.place != move.present])
            states = _states(cursor, [(move.oid, move.name) for move in moves])
        wrong = [str(move.name) for move in moves if not move.holds(*states[move.oid])]
        if wrong:
            raise Terminal(
                f"these sequences did not stay where they were set: {', '.join(wrong)}",
                mend="end the sessions that use them on the target, then run this step again",
            )


def last_used(cursor: Any, found: Iterable[Row]) -> dict[int, int | None]:
    """
    The last value that each sequence gave, by oid; rows have oid, schema, name, start, increment and last. One that was
    set but not used since counts as if it had given the number before.
    """
    found = list(found)
    last: dict[int, int | None] = {row["oid"]: row["last"] for row in found}
    unused = {row["oid"]: row for row in found if row["last"] is None}
    for oid, (value, _) in _states(cursor, [(oid, _name(row)) for oid, row in unused.items()]).items():
        if value != unused[oid]["start"]:
            last[oid] = value - unused[oid]["increment"]
    return last


@dataclass(frozen=True, kw_only=True)
class _Move:
    """`place` and `present`: last_value and is_called of the sequence. after: what the next value must come after."""

    oid: int
    name: TableName
    present: tuple[int, bool]
    place: tuple[int, bool]
    after: tuple[int, ...]
    increment: int
    minimum: int
    maximum: int
    cycle: bool

    def holds(self, value: int, called: bool) -> bool:
        """Whether the sequence now is in a state that never gives a number again that is in use."""
        if self.cycle:
            return (value, called) == self.place
        following = value + self.increment if called else value
        used_up = not self.minimum <= following <= self.maximum
        sign = 1 if self.increment > 0 else -1
        return used_up or all(following * sign > number * sign for number in self.after)


def _moves(cursor: Any, counters: Sequence[Counter]) -> list[_Move]:
    found = _resolve(cursor, [(counter.name, counter.column) for counter in counters], right="writable")
    by_oid = {row["oid"]: row for row in found}
    after: dict[int, list[int]] = defaultdict(list)
    for counter, row in zip(counters, found, strict=True):
        if counter.last is not None:
            after[row["oid"]].append(counter.last)
    for oid, number in _extremes(cursor, by_oid):
        if not by_oid[oid]["cycle"]:
            after[oid].append(number)
    states = _states(cursor, [(oid, _name(row)) for oid, row in by_oid.items()])
    return [_move(row, states[oid], after[oid]) for oid, row in by_oid.items()]


def _move(row: Row, present: tuple[int, bool], after: list[int]) -> _Move:
    increment, minimum, maximum = row["increment"], row["minimum"], row["maximum"]
    furthest = max if increment > 0 else min
    before_next = present[0] if present[1] else present[0] - increment
    last = furthest(after, default=before_next) if row["cycle"] else furthest([*after, before_next])
    following = last + increment
    if last == before_next:
        place = present
    elif minimum <= last <= maximum:
        place = (last, True)
    elif minimum <= following <= maximum:
        place = (following, False)
    else:
        place = (maximum if increment > 0 else minimum, True)
    return _Move(
        oid=row["oid"], name=_name(row), present=present, place=place, after=tuple(after), increment=increment,
        minimum=minimum, maximum=maximum, cycle=row["cycle"],
    )  # fmt: skip


def _resolve(cursor: Any, wanted: Sequence[tuple[TableName, str | None]], right: str) -> list[Row]:
    """The sequence behind each name and column. Raises Terminal, naming all, when one is missing or not ours to use."""
    found = rows(
        cursor,
        "counters",
        schemas=[name.schema for name, _ in wanted],
        names=[name.name for name, _ in wanted],
        columns=[column for _, column in wanted],
    )
    missing = [
        f"{name}, column {column}" if column else str(name)
        for (name, column), row in zip(wanted, found, strict=True)
        if not row["oid"]
    ]
    if missing:
        raise Terminal(
            f"there is no sequence behind {'; '.join(missing)}",
            mend="create the tables and sequences by the schema step first, or exclude them from the plan",
        )
    denied = [qualified(_name(row)) for row in found if not (row["readable"] and row[right])]
    if denied:
        raise Terminal(
            f"no right to {'read' if right == 'readable' else 'set'} the sequences {', '.join(denied)}",
            mend=f"GRANT SELECT, UPDATE ON SEQUENCE {', '.join(denied)} TO CURRENT_USER, by their owner",
        )
    return found


def _states(cursor: Any, sequences: Sequence[tuple[int, TableName]]) -> dict[int, tuple[int, bool]]:
    """last_value and is_called by oid. They stand in the sequences themselves only."""
    states: dict[int, tuple[int, bool]] = {}
    for batch in _batches(sequences):
        parts = [f"select {oid}::bigint as oid, last_value, is_called from {qualified(name)}" for oid, name in batch]
        cursor.execute(" union all ".join(parts))
        states |= {row["oid"]: (row["last_value"], row["is_called"]) for row in cursor.fetchall()}
    return states


def _extremes(cursor: Any, sequences: dict[int, Row]) -> Iterator[tuple[int, int]]:
    """For each column that a sequence fills, its value furthest in the sequence's direction."""
    for batch in _batches(rows(cursor, "counted_columns", sequences=list(sequences))):
        cursor.execute(" union all ".join(_extreme(row, sequences[row["sequence"]]["increment"]) for row in batch))
        for row in cursor.fetchall():
            if row["value"] is not None:
                yield row["oid"], int(Decimal(row["value"]))


def _extreme(row: Row, increment: int) -> str:
    table = qualified(TableName(schema=row["schema"], name=row["table"]))
    column = quote(row["column"])
    # Any other numeric type may hold infinities and NaN, which sorts last.
    finite = "" if row["whole"] else f" where {column}::numeric > '-Infinity' and {column}::numeric < 'Infinity'"
    pick = "max" if increment > 0 else "min"
    return f"select {row['sequence']}::bigint as oid, {pick}({column})::text as value from {table}{finite}"


def _set(cursor: Any, moves: Sequence[_Move]) -> None:
    cursor.execute(
        "select pg_catalog.setval(s.oid::regclass, s.value, s.called)"
        " from unnest(%s::oid[], %s::bigint[], %s::bool[]) as s (oid, value, called)",
        ([move.oid for move in moves], [move.place[0] for move in moves], [move.place[1] for move in moves]),
    )


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


def _name(row: Row) -> TableName:
    return TableName(schema=row["schema"], name=row["name"])

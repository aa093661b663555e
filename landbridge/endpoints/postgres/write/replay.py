"""Writing changes one by one in source order, each checked to meet exactly one row: exact, and slow."""

from collections.abc import Callable, Iterable
from typing import Any

import psycopg2
import psycopg2.errorcodes

from landbridge.change import DELETE, INSERT, TRUNCATE, Change, Value
from landbridge.endpoints.postgres.connection import translate
from landbridge.endpoints.postgres.write.written import WrittenTable
from landbridge.errors import RowRejected, Transient
from landbridge.plan import EndpointRef

Row = tuple[Value, ...]
Missing = list[tuple[int, Row]]


class _Fault(Exception):
    """What is wrong with the change, without its data."""


class Replay:
    def __init__(self, ref: EndpointRef, cursor: Any, table: Callable[[int], WrittenTable]) -> None:
        self._ref, self._cursor, self._table = ref, cursor, table

    def run(self, changes: Iterable[Change], converge: bool) -> Missing:
        missing: Missing = []
        for change in changes:
            try:
                self._write(self._table(change[1]), change, missing if converge else None)
            except _Fault as fault:
                raise self._rejected(change, str(fault)) from None
            except psycopg2.Error as error:
                translated = translate(error, self._ref)
                if isinstance(translated, Transient):
                    raise translated from None
                raise self._rejected(change, f"SQLSTATE {error.pgcode}, {_named(error.pgcode)}") from None
        return missing

    def _rejected(self, change: Change, fault: str) -> RowRejected:
        word = {INSERT: "insert", DELETE: "delete", TRUNCATE: "truncate"}.get(change[0], "update")
        name = self._table(change[1]).relation.name
        return RowRejected(
            f"table {name} on the target did not take one {word}: {fault}",
            mend=f"find out who else writes to {name} or what it refuses, put it right and run the same command again",
        )

    def _write(self, table: WrittenTable, change: Change, missing: Missing | None) -> None:
        operation, number, old, new = change
        if operation == TRUNCATE:
            self._cursor.execute(f"delete from {table.place}")
        elif not table.key:
            self._without_key(table, old, new)
        elif missing is not None:
            if not self._converge(table, old, new, inserting=operation == INSERT):
                missing.append((number, _key(table, new)))
        elif operation == INSERT:
            self._insert(table, new)
        elif new is None:
            self._exactly_one(self._delete(table, old))
        else:
            self._exactly_one(self._update(table, old, new))

    def _exactly_one(self, found: int) -> None:
        if found != 1:
            raise _Fault(f"{found or 'no'} rows have its key")

    def _converge(self, table: WrittenTable, old: Row | None, new: Row | None, *, inserting: bool) -> bool:
        """False: the row is not there, or not this one, and the image has not all its columns."""
        if old is not None:
            self._delete(table, old)
        if new is None:
            return True
        whole = ... not in new
        if not whole and (inserting or old is not None):
            return False
        found = self._update(table, None, new)
        if found > 1:
            raise _Fault(f"{found} rows have its key")
        if not found and whole:
            self._insert(table, new)
        return bool(found) or whole

    def _insert(self, table: WrittenTable, new: Row | None) -> None:
        names = ", ".join(table.names).encode()
        values = b", ".join(_literal(value) for value in new or ())
        into = b"insert into %b (%b) overriding system value values (%b)"
        self._cursor.execute(into % (table.name.encode(), names, values))

    def _delete(self, table: WrittenTable, key: Row | None) -> int:
        self._cursor.execute(b"delete from %b t where %b" % (table.place.encode(), _has_key(table, key)))
        return int(self._cursor.rowcount)

    def _update(self, table: WrittenTable, old: Row | None, new: Row) -> int:
        places = [place for place in table.all if new[place] is not ... and (old is not None or place not in table.key)]
        sets = _sets(table, [place for place in places if not table.columns[place].fixed], new)
        where = [_has_key(table, old if old is not None else _key(table, new))]
        where += [_equals(table, place, new[place]) for place in places if table.columns[place].fixed]
        name, condition = table.place.encode(), b" and ".join(where)
        if sets:
            self._cursor.execute(b"update %b t set %b where %b" % (name, sets, condition))
        else:
            self._cursor.execute(b"select from %b t where %b" % (name, condition))
        return int(self._cursor.rowcount)

    def _without_key(self, table: WrittenTable, old: Row | None, new: Row | None) -> None:
        """One row of those that are equal in all columns, whichever."""
        if old is None:
            self._insert(table, new)
            return
        name = table.place.encode()
        one = b"with one as (select tableoid, ctid from %b t where %b limit 1) " % (name, _is_row(table, old))
        same = b"t.ctid = one.ctid and t.tableoid = one.tableoid"
        if new is None:
            self._cursor.execute(one + b"delete from %b t using one where %b" % (name, same))
        else:
            sets = _sets(table, [place for place in table.all if new[place] is not ...], new)
            self._cursor.execute(one + b"update %b t set %b from one where %b" % (name, sets, same))
        if self._cursor.rowcount != 1:
            raise _Fault("no row is equal to it in all columns")


def _key(table: WrittenTable, new: Row | None) -> Row:
    return tuple((new or ())[place] for place in table.key)


def _has_key(table: WrittenTable, key: Row | None) -> bytes:
    return b" and ".join(_equals(table, place, value) for place, value in zip(table.key, key or (), strict=True))


def _equals(table: WrittenTable, place: int, value: Value) -> bytes:
    return b"t.%b %b %b" % (table.names[place].encode(), table.columns[place].equal.encode(), _literal(value))


def _sets(table: WrittenTable, places: Iterable[int], new: Row) -> bytes:
    return b", ".join(b"%b = %b" % (table.names[place].encode(), _literal(new[place])) for place in places)


def _is_row(table: WrittenTable, row: Row) -> bytes:
    """By text where a type has equal values that differ (1.0 and 1.00, 'a' and 'A'), or no equality at all (json)."""
    conditions = []
    for name, column, value in zip(table.names, table.columns, row, strict=True):
        field, wanted = b"t." + name.encode(), _literal(value)
        if value is None:
            conditions.append(field + b" is null")
        elif column.exact:
            conditions.append(b"%b operator(pg_catalog.=) %b" % (field, wanted))
        else:
            as_text = b'(%b)::text collate pg_catalog."C" operator(pg_catalog.=) (%b::%b)::text'
            conditions.append(as_text % (field, wanted, column.type.encode()))
    return b" and ".join(conditions)


def _literal(value: Value) -> bytes:
    """Not typed: the server takes it for the type of the column that it meets."""
    if value is None:
        return b"null"
    if value is ...:
        raise _Fault("it came without all its columns")
    if b"\0" in value:  # would end the statement here
        raise _Fault("a text holds the character NUL, which the target cannot store")
    return b"'%b'" % value.replace(b"'", b"''")


def _named(state: str | None) -> str:
    try:
        return psycopg2.errorcodes.lookup(state or "").lower().replace("_", " ")
    except KeyError:
        return "no name"

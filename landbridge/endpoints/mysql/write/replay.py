"""Writing changes one by one in source order, each checked to meet exactly one row: exact, and slow."""

from collections.abc import Callable, Iterable
from typing import Any

import pymysql

from landbridge.change import DELETE, INSERT, TRUNCATE, Change
from landbridge.endpoints.mysql.connection import Database, translate
from landbridge.endpoints.mysql.write.insert import Refused, refused
from landbridge.endpoints.mysql.write.staging import Staging
from landbridge.endpoints.mysql.write.values import constant
from landbridge.endpoints.mysql.write.written import WrittenTable
from landbridge.endpoints.updates import Places, Row
from landbridge.errors import RowRejected, Transient
from landbridge.plan import EndpointRef

Missing = list[tuple[int, Row]]


class _Fault(Exception):
    """What is wrong with the change, without its data."""


class Replay:
    def __init__(
        self, ref: EndpointRef, connection: Any, staging: Staging, table: Callable[[int], WrittenTable]
    ) -> None:
        self._ref, self._connection, self._staging, self._table = ref, connection, staging, table
        self._mariadb = Database.is_mariadb(connection)
        self._cursor = connection.cursor()

    def run(self, changes: Iterable[Change], converge: bool) -> Missing:
        missing: Missing = []
        for change in changes:
            try:
                self._write(self._table(change[1]), change, missing if converge else None)
            except _Fault as fault:
                raise self._rejected(change, str(fault)) from None
            except Refused as error:
                raise self._rejected(change, error.fault) from None
            except pymysql.Error as error:
                translated = translate(error, self._ref)
                if isinstance(translated, Transient):
                    raise translated from None
                known = refused(self._table(change[1]).relation, 1, error.args[0], str(error.args[-1]))
                raise self._rejected(change, known.fault) from None
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
            self._cursor.execute(f"delete from {table.name}")
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
        if new is None or ... in new:
            raise _Fault("it came without all its columns")
        self._staging.insert(table.target, new)

    def _delete(self, table: WrittenTable, key: Row | None) -> int:
        staged = self._staging.put_one(table, (), (key or (), ()), old=True)
        return int(self._cursor.execute(table.delete(staged)))

    def _update(self, table: WrittenTable, old: Row | None, new: Row) -> int:
        places = _present(table, new)
        staged = self._staging.put_one(table, places, (old or (), new), old=old is not None)
        return update(self._cursor, table, staged, places, moved=old is not None)

    def _without_key(self, table: WrittenTable, old: Row | None, new: Row | None) -> None:
        """One row of those that are equal in all columns, whichever."""
        if old is None:
            self._insert(table, new)
            return
        if ... in old:
            raise _Fault("it came without all its columns")
        (row,) = self._staging.put_one(table, table.all, ((), old), old=False)
        if new is None:
            found = self._cursor.execute(table.delete_one(row))
        else:
            places = _present(table, new)
            values = [constant(table.target.fields[place], new[place], mariadb=self._mariadb) for place in places]
            found = self._cursor.execute(table.update_one(row, places, values))
        if found != 1:
            raise _Fault("no row is equal to it in all columns")


def update(cursor: Any, table: WrittenTable, staged: range, places: Places, *, moved: bool) -> int:
    """How many rows were there to be updated."""
    statement = table.update(staged, places, moved=moved)
    if statement is not None:
        return int(cursor.execute(statement))
    cursor.execute(table.count(staged, moved=moved))
    return int(cursor.fetchone()[0])


def _present(table: WrittenTable, image: Row) -> Places:
    return tuple(place for place in table.all if image[place] is not ...)


def _key(table: WrittenTable, new: Row | None) -> Row:
    return tuple((new or ())[place] for place in table.key)

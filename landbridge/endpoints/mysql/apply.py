"""
Writing changes in sets: a batch is loaded into a staging table and goes from there into its table, deletes first, then
updates, then inserts. Row by row is in replay.py.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from landbridge.change import DELETE, UPDATE, Change, Packed
from landbridge.endpoints.applying import PackedWrite, TableBatch
from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.connection import Database, driver_errors
from landbridge.endpoints.mysql.write.follow import astray, find, follow
from landbridge.endpoints.mysql.write.replay import Replay, update
from landbridge.endpoints.mysql.write.staging import Staging, Unfit
from landbridge.endpoints.mysql.write.unkeyed import Unkeyed
from landbridge.endpoints.mysql.write.writing import prepare
from landbridge.endpoints.mysql.write.written import WrittenTable, look_up
from landbridge.endpoints.updates import Places, Row, Update, grouped, key_of
from landbridge.errors import Terminal
from landbridge.model import Relation

_TRIGGERS = """
select trigger_schema, trigger_name from information_schema.triggers
where (event_object_schema, event_object_table) in %s order by 1, 2"""


class Applier:
    silences_triggers = False

    def __init__(self, db: Database) -> None:
        self._db = db

    def writer(self, connection: sa.Connection, tables: Sequence[Relation]) -> "Writer":
        """`connection` has no transaction open yet."""
        return Writer(self._db, connection, tables)


class Writer:
    any_order = True  # foreign keys are not looked at

    def __init__(self, db: Database, connection: sa.Connection, tables: Sequence[Relation]) -> None:
        self._ref = db.ref
        self._relations = {table.number: table for table in tables}
        self._tables: dict[int, WrittenTable] = {}
        driver: Any = connection.connection.driver_connection
        self._driver = driver
        self._mariadb = Database.is_mariadb(self._driver)
        with driver_errors(self._ref):
            self._staging = Staging(self._ref, self._driver, prepare(self._driver))
            self._driver.commit()
            self._cursor: Any = self._driver.cursor()
            # A machine that vanished must not hold the lock on the stream's row for hours.
            self._cursor.execute("set session wait_timeout = 600")
        self._replay = Replay(self._ref, self._driver, self._staging, self._table)

    def _refuse_triggers(self, tables: Collection[int]) -> None:
        """
        What they did on the source is in the stream already, and no session can switch them off. Asked once a table is
        written to, the answer holds to the end of the transaction: until then nobody can make one.
        """
        names = tuple((name.schema, name.name) for name in {self._relations[number].name for number in tables})
        found = fetch(self._driver, _TRIGGERS, (names,)) if names else []
        if found:
            triggers = [f"{schema}.{name}" for schema, name in found]
            raise Terminal(
                f"tables on the target have triggers that would fire again for every change: {', '.join(triggers)}",
                mend="until the cutover: " + " ".join(f"DROP TRIGGER {name};" for name in triggers),
            )

    def write(self, batch: TableBatch, converge: bool) -> bool:
        with driver_errors(self._ref):
            table = self._table(batch.table)
            try:
                fits = self._converge(table, batch) if converge else self._exact(table, batch)
            except Unfit:
                return False
            self._refuse_triggers([batch.table])
            return fits

    def prepare(self, batch: TableBatch) -> Callable[[], bool]:
        return partial(self.write, batch, converge=False)

    def prepare_packed(self, packed: Sequence[Packed]) -> PackedWrite:
        """No source of changes gives this target any packed."""
        return PackedWrite(counts={}, rows=0, write=lambda: True, rest=packed)

    def replay(self, changes: Iterable[Change], converge: bool) -> list[tuple[int, Row]]:
        touched: set[int] = set()
        missing = self._replay.run(_noted(changes, touched), converge)
        with driver_errors(self._ref):
            self._refuse_triggers(touched)
        return missing

    def truncate(self, table: int) -> None:
        """By DELETE: TRUNCATE commits."""
        with driver_errors(self._ref):
            self._cursor.execute(f"delete from {self._table(table).name}")
            self._refuse_triggers([table])

    def relax(self) -> bool:
        """No session can: innodb_flush_log_at_trx_commit is the server's."""
        return False

    def reshape(self, table: Relation) -> None:
        self._relations[table.number] = table
        self._tables.pop(table.number, None)
        self._staging.forget(table.number)

    def follow(
        self, table: int, places: Sequence[int], values: Row, to: Row | None
    ) -> Sequence[tuple[Row, Row | None]]:
        with driver_errors(self._ref):
            found = follow(self._driver, self._table(table), places, values, to, mariadb=self._mariadb)
            self._refuse_triggers([table])
            return found

    def find(self, table: int, places: Sequence[int], values: Sequence[Row]) -> Sequence[Row]:
        with driver_errors(self._ref):
            return find(self._driver, self._table(table).target, places, values)

    def astray(self, table: int, places: Sequence[int], parent: int, others: Sequence[int]) -> Sequence[Row]:
        with driver_errors(self._ref):
            return astray(self._driver, self._table(table).target, places, self._table(parent).target, others)

    def _table(self, number: int) -> WrittenTable:
        if number not in self._tables:
            self._tables[number] = look_up(self._driver, self._relations[number])
        return self._tables[number]

    def _exact(self, table: WrittenTable, batch: TableBatch) -> bool:
        """Every statement finds every row, or the batch has failed."""
        if not table.key:
            return self._without_key(table, batch)
        if batch.deletes and self._delete(table, batch.deletes) != len(batch.deletes):
            return False
        for (places, moved), updates in grouped(batch.updates, table.key, table.all).items():
            staged = self._staging.put(table, places, updates, old=moved)
            if self._update(table, staged, places, moved=moved) != len(updates):
                return False
        self._insert(table, batch.inserts)
        return True

    def _without_key(self, table: WrittenTable, batch: TableBatch) -> bool:
        left = Unkeyed(self._cursor, self._staging, table).write(batch.deletes, batch.updates)
        if left is None:
            return False
        number = batch.table
        one_by_one = [(DELETE if new is None else UPDATE, number, old, new) for old, new in left]
        self._replay.run(one_by_one, converge=False)
        self._insert(table, batch.inserts)
        return True

    def _insert(self, table: WrittenTable, images: list[Row]) -> None:
        if images:
            self._staging.copy(table.target, list(zip(*images, strict=True)))

    def _converge(self, table: WrittenTable, batch: TableBatch) -> bool:
        """What is there is changed, what is not is inserted where the image is whole and reported where not."""
        gone, whole, rest = list(batch.deletes), list(batch.inserts), []
        for old, image in batch.updates:
            moved = key_of(image, table.key) != old
            gone += [old] if moved else []
            if ... not in image:
                whole.append(image)
            elif moved:
                batch.missing.append(key_of(image, table.key))
            else:
                rest.append((old, image))
        if gone:
            self._delete(table, gone)
        for (places, _), updates in grouped(rest, table.key, table.all).items():
            batch.missing += self._update_present(table, places, updates)
        return not whole or self._upsert(table, whole)

    def _update_present(self, table: WrittenTable, places: Places, updates: list[Update]) -> list[Row]:
        """The keys of rows that are not there."""
        staged = self._staging.put(table, places, updates, old=False)
        if self._update(table, staged, places, moved=False) == len(updates):
            return []
        self._cursor.execute(table.absent(staged))
        return [updates[number - staged.start][0] for (number,) in self._cursor.fetchall()]

    def _upsert(self, table: WrittenTable, images: list[Row]) -> bool:
        """Not by ON DUPLICATE KEY UPDATE, which takes a row that is equal in another unique index for this one."""
        staged = self._staging.put(table, table.all, [((), image) for image in images], old=False)
        found = self._update(table, staged, table.all, moved=False)
        if found < len(images):
            found += int(self._cursor.execute(table.insert_absent(staged)))
        return found == len(images)

    def _delete(self, table: WrittenTable, keys: list[Row]) -> int:
        staged = self._staging.put(table, (), [(key, ()) for key in keys], old=True)
        return int(self._cursor.execute(table.delete(staged)))

    def _update(self, table: WrittenTable, staged: range, places: Places, *, moved: bool) -> int:
        return update(self._cursor, table, staged, places, moved=moved)


def _noted(changes: Iterable[Change], touched: set[int]) -> Iterator[Change]:
    for change in changes:
        touched.add(change[1])
        yield change

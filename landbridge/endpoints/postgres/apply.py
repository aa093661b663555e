"""
Writing changes in sets: a batch is copied into a staging table and goes from there into its table, deletes first, then
updates, then inserts. Row by row is in replay.py.
"""

import io
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg2.errors
import sqlalchemy as sa
from psycopg2.extras import RealDictCursor

from landbridge import text
from landbridge.change import Change, Packed, Value
from landbridge.endpoints.applying import PackedWrite, TableBatch
from landbridge.endpoints.postgres.connection import Database, driver_errors
from landbridge.endpoints.postgres.names import qualified
from landbridge.endpoints.postgres.write.follow import astray, find, follow
from landbridge.endpoints.postgres.write.replay import Replay
from landbridge.endpoints.postgres.write.unkeyed import Unkeyed
from landbridge.endpoints.postgres.write.written import NUMBERS, WrittenTable, look_up, require, staging_name
from landbridge.endpoints.updates import Places, Row, Update, grouped, key_of
from landbridge.errors import Terminal
from landbridge.model import Relation

if TYPE_CHECKING:
    from landbridge.endpoints.postgres.write.packed import Sets, Which

_SESSION = (
    "set client_min_messages = warning",
    "set temp_buffers = '32MB'",
    "set jit = off",
    # Staging tables have no statistics. With a nested loop over them the key's index of the table is used, which costs
    # some 2 µs a row whatever the table's size; a wrong guess the other way reads a large table for every batch.
    "set enable_hashjoin = off",
    "set enable_mergejoin = off",
    # A machine that vanished must not hold the lock on the stream's row for hours.
    "set tcp_keepalives_idle = 30",
    "set tcp_keepalives_interval = 10",
    "set tcp_keepalives_count = 3",
)
_COPY_BLOCK = 1 << 18
_CROWDED = 100_000  # rows in a staging table: clear it when the transaction goes on


class Applier:
    silences_triggers = True

    def __init__(self, db: Database) -> None:
        self._db = db

    def writer(self, connection: sa.Connection, tables: Sequence[Relation]) -> "Writer":
        """`connection` has no transaction open yet."""
        import landbridge.endpoints.postgres.write.packed  # noqa: F401 what it imports takes time

        return Writer(self._db, connection, tables)


class Writer:
    def __init__(self, db: Database, connection: sa.Connection, tables: Sequence[Relation]) -> None:
        self._ref = db.ref
        self._relations = {table.number: table for table in tables}
        self._staging: set[int] = set()
        self._numbering = threading.Lock()
        self._numbered: dict[int, int] = {}  # rows so far: numbers only ever grow, as a savepoint brings rows back
        self._used: dict[int, int] = {}
        self._cleared: dict[int, int] = {}
        self.any_order = True
        driver = connection.connection.driver_connection
        with driver_errors(self._ref):
            self._cursor: Any = driver.cursor()  # type: ignore[union-attr]
            self._lookup: Any = driver.cursor(cursor_factory=RealDictCursor)  # type: ignore[union-attr]
            for statement in _SESSION:
                self._cursor.execute(statement)
            self._tables = look_up(self._lookup, tables)  # at once: what comes first shall find them known
            driver.commit()  # type: ignore[union-attr]
            self._silence_triggers(driver)
        self._replay = Replay(self._ref, self._cursor, self._table)
        sa.event.listen(connection, "commit", lambda _: self._cleared.update(self._used))
        sa.event.listen(connection, "rollback", lambda _: self._staging.clear())
        sa.event.listen(connection, "rollback_savepoint", lambda *_: self._staging.clear())

    def _silence_triggers(self, driver: Any) -> None:
        """What triggers did on the source is in the stream already."""
        try:
            self._cursor.execute("set session_replication_role = replica")
        except psycopg2.errors.InsufficientPrivilege:
            driver.rollback()
            self.any_order = False  # foreign keys are looked at
            self._refuse_triggers()
        driver.commit()

    def _refuse_triggers(self) -> None:
        names = [qualified(relation.name) for relation in self._relations.values()]
        self._cursor.execute(
            "select distinct tgrelid::regclass::text from pg_catalog.pg_trigger"
            " where tgrelid = any (%s::regclass[]) and not tgisinternal and tgenabled in ('O', 'A') order by 1",
            (names,),
        )
        found = [name for (name,) in self._cursor.fetchall()]
        if found:
            raise Terminal(
                f"tables on the target have triggers that would fire again for every change: {', '.join(found)}",
                mend=f"grant set on parameter session_replication_role to {self._ref.user} (version 15 and later), or"
                f" until the cutover: " + "; ".join(f"alter table {name} disable trigger user" for name in found),
            )

    def write(self, batch: TableBatch, converge: bool) -> bool:
        with driver_errors(self._ref):
            table = self._table(batch.table)
            return self._converge(table, batch) if converge else self._exact(table, batch)

    def prepare(self, batch: TableBatch) -> Callable[[], bool]:
        table = self._tables.get(batch.table)
        if table is None or not table.key:
            return partial(self.write, batch, converge=False)
        write = self._prepared(table, batch)

        def prepared() -> bool:
            with driver_errors(self._ref):
                return write()

        return prepared

    def prepare_packed(self, packed: Sequence[Packed]) -> PackedWrite:
        from landbridge.endpoints.postgres.write.packed import sets  # numpy takes time, and memory

        found, rest = sets(packed, self._tables)
        writes = [self._packed(each) for each in found]

        def write() -> bool:
            with driver_errors(self._ref):
                return all(one() for one in writes)

        counts = {(kind, each.table.relation.number): n for each in found for kind, n in each.counts.items() if n}
        return PackedWrite(counts=counts, rows=sum(each.left for each in found), write=write, rest=rest)

    def replay(self, changes: Iterable[Change], converge: bool) -> list[tuple[int, Row]]:
        return self._replay.run(changes, converge)

    def truncate(self, table: int) -> None:
        """By DELETE: TRUNCATE waits for every reader, and empties the table even for snapshots taken before it."""
        with driver_errors(self._ref):
            self._cursor.execute(f"delete from {self._table(table).place}")

    def relax(self) -> bool:
        """Manual, 28.4 (asynchronous commit): what is lost is always the last, and never a part of a transaction."""
        with driver_errors(self._ref):
            self._cursor.execute("set local synchronous_commit = off")
        return True

    def reshape(self, table: Relation) -> None:
        self._relations[table.number] = table
        self._tables.pop(table.number, None)
        self._staging.discard(table.number)
        with driver_errors(self._ref):
            self._cursor.execute(f"drop table if exists {staging_name(table.number)}")

    def follow(
        self, table: int, places: Sequence[int], values: Row, to: Row | None
    ) -> Sequence[tuple[Row, Row | None]]:
        with driver_errors(self._ref):
            return follow(self._cursor, self._relations[table], places, values, to)

    def find(self, table: int, places: Sequence[int], values: Sequence[Row]) -> Sequence[Row]:
        with driver_errors(self._ref):
            return find(self._cursor, self._relations[table], places, values)

    def astray(self, table: int, places: Sequence[int], parent: int, others: Sequence[int]) -> Sequence[Row]:
        with driver_errors(self._ref):
            return astray(self._cursor, self._relations[table], places, self._relations[parent], others)

    def _table(self, number: int) -> WrittenTable:
        if number not in self._tables:
            self._tables[number] = require(self._lookup, self._relations[number])
        return self._tables[number]

    def _exact(self, table: WrittenTable, batch: TableBatch) -> bool:
        """Every statement finds every row, or the batch has failed."""
        return self._prepared(table, batch)() if table.key else self._without_key(table, batch)

    def _prepared(self, table: WrittenTable, batch: TableBatch) -> Callable[[], bool]:
        steps: list[tuple[Staged, str]] = []
        if batch.deletes:
            staged = self._staged(table, (), [(key, ()) for key in batch.deletes], old=True)
            steps.append((staged, table.delete(staged.rows)))
        for (places, moved), updates in grouped(batch.updates, table.key, table.all).items():
            staged = self._staged(table, places, updates, old=moved)
            steps.append((staged, table.update(staged.rows, places, moved=moved)))
        inserts = text.whole_lines(table.relation.name, zip(*batch.inserts, strict=True)) if batch.inserts else b""
        return partial(self._carry_out, steps, table.copy(), inserts, len(batch.inserts))

    def _packed(self, batch: "Sets") -> Callable[[], bool]:
        from landbridge.endpoints.postgres.write.packed import lines

        table, steps = batch.table, list[tuple[Staged, str]]()
        if len(batch.deletes):
            staged = self._staged_packed(batch, batch.deletes)
            steps.append((staged, table.delete(staged.rows, old=False)))
        if len(batch.updates):
            staged = self._staged_packed(batch, batch.updates)
            steps.append((staged, table.update(staged.rows, table.all, moved=False)))
        count = len(batch.inserts)
        inserts, options = lines(batch.rows, batch.inserts) if count else (b"", "")
        return partial(self._carry_out, steps, table.copy() + options, inserts, count)

    def _staged_packed(self, batch: "Sets", which: "Which") -> "Staged":
        from landbridge.endpoints.postgres.write.packed import lines

        table, numbers = batch.table, self._numbers(batch.table, len(which))
        block, options = lines(batch.rows, which, numbers.start)
        return Staged(table=table, rows=numbers, copy=table.stage(table.all, old=False) + options, block=block)

    def _carry_out(self, steps: Iterable[tuple["Staged", str]], copy: str, inserts: bytes, count: int) -> bool:
        for staged, statement in steps:
            self._stage(staged)
            self._cursor.execute(statement)
            if self._cursor.rowcount != len(staged.rows):
                return False
        return not inserts or self._copy(copy, inserts) == count

    def _without_key(self, table: WrittenTable, batch: TableBatch) -> bool:
        if batch.deletes or batch.updates:
            unkeyed = Unkeyed(self._cursor, self._copy_columns, table)
            if not unkeyed.write(batch.deletes, batch.updates):
                return False
        images = batch.inserts
        return not images or self._copy_columns(table.copy(), zip(*images, strict=True), table) == len(images)

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
        staged = self._stage(self._staged(table, places, updates, old=False))
        self._cursor.execute(table.update(staged, places, moved=False))
        if self._cursor.rowcount == len(updates):
            return []
        self._cursor.execute(table.absent(staged))
        return [updates[number - staged.start][0] for (number,) in self._cursor.fetchall()]

    def _upsert(self, table: WrittenTable, images: list[Row]) -> bool:
        """Not by ON CONFLICT, which takes a row that is equal in another unique index for this one."""
        staged = self._stage(self._staged(table, table.all, [((), image) for image in images], old=False))
        self._cursor.execute(table.update(staged, table.all, moved=False))
        found = self._cursor.rowcount
        if found < len(images):
            self._cursor.execute(table.insert_absent(staged))
            found += self._cursor.rowcount
        return bool(found == len(images))

    def _delete(self, table: WrittenTable, keys: list[Row]) -> int:
        staged = self._stage(self._staged(table, (), [(key, ()) for key in keys], old=True))
        self._cursor.execute(table.delete(staged))
        return int(self._cursor.rowcount)

    def _staged(self, table: WrittenTable, places: Places, updates: list[Update], *, old: bool) -> "Staged":
        rows = self._numbers(table, len(updates))
        columns: list[Sequence[Value]] = [[b"%d" % count for count in rows]]
        if old:
            columns += zip(*(key for key, _ in updates), strict=True)
        if places:
            images = list(zip(*(image for _, image in updates), strict=True))
            columns += [images[place] for place in places]
        block = text.whole_lines(table.relation.name, columns)
        return Staged(table=table, rows=rows, copy=table.stage(places, old=old), block=block)

    def _numbers(self, table: WrittenTable, count: int) -> range:
        """They begin again at some point: `_stage` then clears what may still stand under them."""
        number = table.relation.number
        with self._numbering:
            start = self._numbered.get(number, 0)
            rows = range(start, start + count) if start + count < NUMBERS else range(count)
            self._numbered[number] = rows.stop
        return rows

    def _stage(self, staged: "Staged") -> range:
        table, rows = staged.table, staged.rows
        number = table.relation.number
        if number not in self._staging:
            self._cursor.execute(table.create_staging())
            self._staging.add(number)
        begins_again = rows.start < self._used.get(number, 0)
        if begins_again or rows.start - self._cleared.get(number, 0) > _CROWDED:
            self._cursor.execute(f"truncate {table.staging}")
            self._cleared[number] = rows.start
        self._used[number] = rows.stop
        self._copy(staged.copy, staged.block)
        return rows

    def _copy_columns(self, statement: str, columns: Iterable[Sequence[Value]], table: WrittenTable) -> int:
        return self._copy(statement, text.whole_lines(table.relation.name, columns))

    def _copy(self, statement: str, block: bytes) -> int:
        self._cursor.copy_expert(statement, io.BytesIO(block), _COPY_BLOCK)
        return int(self._cursor.rowcount)


@dataclass(frozen=True, kw_only=True)
class Staged:
    """Rows for the staging table as they are copied there, and their numbers in it."""

    table: WrittenTable
    rows: range
    copy: str
    block: bytes

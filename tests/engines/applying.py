"""Apply under test: two databases, a run in the ledger of one, and a spool written by hand."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from landbridge import ledger
from landbridge.apply import Applying
from landbridge.change import DELETE, INSERT, TRUNCATE, UPDATE, Change, Transaction
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.postgres import server as postgres
from landbridge.ledger import StreamRow, layout
from landbridge.model import Position
from landbridge.plan import EndpointRef, OnError
from landbridge.spool import SpoolReader, SpoolWriter
from tests.engines.capture import Source
from tests.packing import grouped, packed
from tests.support import postgres_connection, rows

RUN = "run_1"
_MEMBERS = 9


def at(number: int) -> Position:
    """Far below any position of the servers' own logs."""
    return Position(f"{number:016X}")


class Stage:
    packs = groups = False
    _members: tuple[Transaction, ...] = ()

    def __init__(self, server: postgres.Server, source: str, target: str, folder: Path) -> None:
        self.source, self.folder = Source(server, source), folder
        self.target = postgres_connection(server, target)
        self.refs = [
            EndpointRef(engine="postgres", host=server.host, port=server.port, user=server.user, database=name)
            for name in (source, target)
        ]
        self.engine = connect(self.refs[1]).get(Connects).engine()
        self.writer: SpoolWriter | None = None

    def on_both(self, sql: str) -> None:
        self.source.run(sql)
        rows(self.target, sql)

    def begin(
        self, *tables: str, consistent: Position | None = None, read_at: Mapping[int, Position] | None = None
    ) -> None:
        """The run as it is when the load is over."""
        self.source.plan(*tables)
        with self.engine.begin() as connection:
            ledger.open_ledger(connection)
            ledger.add_tables(connection, RUN, self.source.tables)
            connection.execute(layout.tables.update().values(state="applying"))
            for number, position in (read_at or {}).items():
                which = layout.tables.c.number == number
                connection.execute(layout.tables.update().where(which).values(position=position))
            ledger.start_stream(connection, RUN, at(0))
            if consistent is not None:
                ledger.raise_consistent(connection, RUN, consistent)
        self.writer = SpoolWriter.create(self.folder / "spool", RUN, at(0))

    def spool(self, number: int, *changes: Change, last: bool = True, passed: str = "") -> None:
        """Packed, where that is asked for and can be; in groups, what comes before somebody waits."""
        assert self.writer is not None
        keys = {table.number: table.key for table in self.source.tables}
        widths = {table.number: len(table.columns) for table in self.source.tables}
        made = packed(changes, keys, widths) if self.packs and last else None
        left = [] if made else list(changes)
        transaction = Transaction(at(number), 1000.0 + number, left, last, passed, made)
        if self.groups and made and not passed:
            self._members += (transaction,)
            if len(self._members) >= _MEMBERS:
                self.gather()
            return
        self.gather()
        self.writer.append(transaction)
        self.writer.flush()

    def gather(self) -> None:
        if self._members and self.writer is not None:
            self.writer.append(grouped(self._members))
            self.writer.flush()
            self._members = ()

    def row(self) -> StreamRow:
        names = [field.name for field in fields(StreamRow)]
        found = rows(self.target, f"select {', '.join(names)} from landbridge.stream")[0]
        return StreamRow(**dict(zip(names, found, strict=True)))

    def hold(self, where: str) -> None:
        with self.engine.begin() as connection:
            ledger.set_hold(connection, RUN, where)

    def held(self) -> Position:
        return Position(self.wait(lambda: self.row().held))

    def wait(self, condition: Callable[[], Any], seconds: float = 30) -> Any:
        self.gather()
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"waited in vain; the stream stands at {self.row()}"
            time.sleep(0.01)
        return found

    on_error: OnError = "stop"

    def applying(self, stopping: Callable[[], bool] = lambda: False) -> Applying:
        self.gather()
        source, target = map(connect, self.refs)
        spool = self.folder / "spool"
        return Applying(
            source, target, RUN,
            open_spool=lambda after: SpoolReader(spool, RUN, after), stopping=stopping, tell=lambda _: None,
            on_error=lambda _: self.on_error,
        )  # fmt: skip

    @contextmanager
    def running(self) -> Iterator["Running"]:
        running = Running(self)
        try:
            yield running
        finally:
            running.stop()

    def apply(self, upto: int) -> None:
        """All of the spool up to there; raises what apply died of."""
        with self.running() as running:
            self.wait(lambda: not running.alive or self.row().position >= at(upto))
        if running.error is not None:
            raise running.error

    def found(self, table: str, side: Any = None) -> list[tuple[Any, ...]]:
        return rows(side or self.target, f"select t::text from {table} t order by 1")

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.target.close()
        self.source.connection.close()


class Running:
    """Apply in a thread of its own."""

    def __init__(self, stage: Stage) -> None:
        self._stop = threading.Event()
        self.applying = stage.applying(self._stop.is_set)
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.applying.run_until_stopped()
        except BaseException as error:  # noqa: BLE001 it is looked at by the test
            self.error = error

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


class History:
    """
    Transactions by chance over two tables with a key (the second's of two columns, with a unique name) and one without,
    as changes for a spool and, at the same time, as plain SQL for a table to compare with.
    """

    TABLES = (
        "create table items (id int primary key, name text, note text)",
        "create table named (shop text, number int, name text unique, primary key (number, shop))",
        "create table log (a int, b text)",
    )

    def __init__(self, seed: int, *, keyed: bool = False) -> None:
        """keyed: nothing happens to the table without a key."""
        self.chance = random.Random(seed)
        self.steps = [self._item] * 3 + [self._named] + [self._logged] * (not keyed)
        self.items: set[int] = set()
        self.named: dict[tuple[int, str], str] = {}
        self.log: list[tuple[int, str]] = []
        self.fresh = 0

    def transaction(self) -> tuple[list[Change], list[str]]:
        changes: list[Change] = []
        statements: list[str] = []
        for _ in range(self.chance.randint(1, 6)):
            step = self.chance.choice(self.steps)
            for change, statement in step():
                changes.append(change)
                statements.append(statement)
        return changes, statements

    def _item(self) -> Iterator[tuple[Change, str]]:
        key = self.chance.randint(1, 60)
        other = self.chance.randint(1, 60)
        self.fresh += 1
        name = f"it's {self.fresh}\t\\"
        if self.chance.random() < 0.004:
            self.items.clear()
            yield (TRUNCATE, 0, None, None), "truncate items"
        elif key not in self.items:
            self.items.add(key)
            yield (INSERT, 0, None, (_n(key), _t(name), None)), f"insert into items values ({key}, {_q(name)}, null)"
        elif self.chance.random() < 0.3:
            self.items.remove(key)
            yield (DELETE, 0, (_n(key),), None), f"delete from items where id = {key}"
        elif other not in self.items and self.chance.random() < 0.4:
            self.items.remove(key)
            self.items.add(other)
            change = (UPDATE, 0, (_n(key),), (_n(other), _t(name), ...))
            yield change, f"update items set id = {other}, name = {_q(name)} where id = {key}"
        else:
            change = (UPDATE, 0, None, (_n(key), ..., _t(name)))
            yield change, f"update items set note = {_q(name)} where id = {key}"

    def _named(self) -> Iterator[tuple[Change, str]]:
        """Rows exchange their unique names, by way of a third one."""
        if len(self.named) < 6:
            self.fresh += 1
            key = (self.fresh, self.chance.choice("xyz"))
            yield self._put(key, f"name {self.fresh}", INSERT)
            return
        first, second = self.chance.sample(sorted(self.named), 2)
        if self.chance.random() < 0.2:
            del self.named[first]
            delete = f"delete from named where number = {first[0]} and shop = {_q(first[1])}"
            yield (DELETE, 1, (_n(first[0]), _t(first[1])), None), delete
            return
        one, other = self.named[first], self.named[second]
        yield self._put(first, "in between", UPDATE)
        yield self._put(second, one, UPDATE)
        yield self._put(first, other, UPDATE)

    def _put(self, key: tuple[int, str], name: str, operation: int) -> tuple[Change, str]:
        self.named[key] = name
        number, shop = key
        image = (_t(shop), _n(number), _t(name))
        if operation == INSERT:
            return (INSERT, 1, None, image), f"insert into named values ({_q(shop)}, {number}, {_q(name)})"
        where = f"number = {number} and shop = {_q(shop)}"
        return (UPDATE, 1, None, image), f"update named set name = {_q(name)} where {where}"

    def _logged(self) -> Iterator[tuple[Change, str]]:
        row = (self.chance.randint(1, 3), self.chance.choice("pq"))
        image = (_n(row[0]), _t(row[1]))
        one = f"ctid = (select ctid from log where a = {row[0]} and b = {_q(row[1])} limit 1)"
        if row not in self.log or self.chance.random() < 0.5:
            self.log.append(row)
            yield (INSERT, 2, None, image), f"insert into log values ({row[0]}, {_q(row[1])})"
        elif self.chance.random() < 0.5:
            self.log.remove(row)
            yield (DELETE, 2, image, None), f"delete from log where {one}"
        else:
            self.log.remove(row)
            self.log.append((9, row[1]))
            yield (UPDATE, 2, image, (b"9", image[1])), f"update log set a = 9 where {one}"


def _n(number: int) -> bytes:
    return b"%d" % number


def _t(text: str) -> bytes:
    return text.encode()


def _q(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def in_one_go(connection: Any, statements: Sequence[str]) -> None:
    rows(connection, ";".join(["begin", *statements, "commit"]))

"""Tables of edge values carried from one engine to another: half of the values by the load, the rest by the log."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from landbridge.change import Change, Packed, Transaction, divided, messages_of
from landbridge.compaction import RowByRow, Truncation, compact
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes, Connects, Describes, Loads, Packs, Prepares, Snapshots, View, Views
from landbridge.endpoints.applying import Applies, Writer  # fmt: skip
from landbridge.kinds import BY_VALUE, Loss
from landbridge.model import EVERYTHING, ColumnMap, NamedType, Table, TableMap, TableName
from landbridge.pipe import copy
from landbridge.plan import EndpointRef
from landbridge.unpacking import changes_of
from tests.support import mysql_connection, postgres_connection, rows, statements
from validation.differ import diff

CASES = Path(__file__).parents[1] / "cases"
RUN = "sweep"

Run = Callable[..., Any]
"""Runs a script on the source, or one statement with parameters."""


class Sweep:
    """shape: what the plan's rules make of a source's table."""

    def __init__(
        self,
        source: EndpointRef,
        target: EndpointRef,
        schema: str,
        to: str,
        run: Run,
        shape: Callable[[Table], Table] = lambda table: table,
    ) -> None:
        self.source, self.target = connect(source), connect(target)
        self.tables: list[TableMap] = []
        self.losses: dict[str, list[Loss]] = {}
        self._schema, self._to, self.run = schema, to, run
        self._shape = shape
        self._types: list[NamedType] = []

    def carry(self, *cases: str) -> None:
        """The whole way of these files' tables. Tables with a blocking loss stay behind, and are in `losses`."""
        scripts = [(CASES / name).read_text(encoding="utf-8").split("\n-- later\n") for name in cases]
        for first, *_ in scripts:
            self.run(first)
        self.follow(lambda: [self.run(part) for _, *later in scripts for part in later])

    def follow(self, later: Callable[[], object]) -> None:
        """Carries what is there now, and what `later` does to it by the log."""
        self.plan()
        log = self.source.get(Changes)
        since = log.prepare(RUN, self.tables)
        for table in self.tables:
            self.load(table)
        later()
        self._apply(list(self._changes(log, since)))

    def plan(self) -> None:
        catalog = self.source.get(Describes).describe([self._schema])
        found = (*(table.name for table in catalog.tables), *(named.name for named in catalog.types))
        names = {name: TableName(schema=self._to, name=name.name) for name in found}
        prepares = self.target.get(Prepares)
        self._types = [type(each)(name=names[each.name], labels=each.labels, definition=each.definition)
                       for each in catalog.types]  # fmt: skip
        plain = self.source.family == self.target.family
        for table in map(self._shape, catalog.tables):
            adopted = prepares.adopt(table, catalog.family, names[table.name], names)
            self.losses[table.name.name] = list(adopted.losses)
            if not any(loss.blocking for loss in adopted.losses):
                self._types += adopted.types
                self.tables.append(planned(len(self.tables), table, adopted.table, plain=plain))
        with self.target.get(Connects).engine().begin() as connection:
            literally = connection.execution_options(no_parameters=True)
            for statement in prepares.statements(self.tables, (), self._types):
                if statement.phase == "tables" and literally.exec_driver_sql(statement.exists).first() is None:
                    literally.exec_driver_sql(statement.sql)

    def load(self, table: TableMap) -> None:
        reader, loader = self.source.get(Snapshots), self.target.get(Loads)
        with self.target.get(Connects).engine().begin() as connection:
            copy(
                lambda sink: reader.read(table.source_side, EVERYTHING, sink),
                lambda blocks: loader.load(connection, table.target_side, blocks),
            )

    def _changes(self, log: Changes, since: Any) -> Iterator[Transaction]:
        goal = log.here()
        with log.stream(RUN, since, self.tables, packed=True) as stream:
            for transaction in divided(stream):
                if transaction.count:
                    yield transaction
                if transaction.last and transaction.position >= goal:
                    break
        log.release(RUN)

    def _apply(self, transactions: Sequence[Transaction]) -> None:
        """In turn packed, where they are, as sets, and row by row."""
        assert transactions or not self.tables
        with self.target.get(Connects).engine().connect() as connection:
            writer = self.target.get(Applies).writer(connection, [table.target_side for table in self.tables])
            for number, transaction in enumerate(transactions):
                with connection.begin():
                    if transaction.packed is not None and number % 3 < 2:
                        self._write_packed(writer, transaction.packed)
                    elif number % 3 == 0:
                        self._write_sets(writer, changes_of(transaction, self.source))
                    else:
                        writer.replay(changes_of(transaction, self.source), False)

    def _write_packed(self, writer: Writer, packed: Packed) -> None:
        made = writer.prepare_packed([packed])
        assert made.write(), [self.tables[number].source.name for number, _ in packed[2].values()]
        rest = [change for each in made.rest for change in self.source.get(Packs).unpack(each)]
        assert sum(made.counts.values()) + len(rest) == len(list(messages_of(packed)))
        self._write_sets(writer, rest)

    def _write_sets(self, writer: Writer, changes: Sequence[Change]) -> None:
        for step in compact(changes, {table.number: table.key for table in self.tables}, converge=False):
            if isinstance(step, Truncation):
                writer.truncate(step.table)
            elif isinstance(step, RowByRow):
                writer.replay(step.changes, False)
            else:
                assert writer.write(step, False), self.tables[step.table].source.name

    def verify(self) -> None:
        """Row by row by value; where texts must be equal the servers' sums must be, too."""
        with self.source.get(Views).view() as left, self.target.get(Views).view() as right:
            for table in self.tables:
                _verify(table, left, right)

    def found(self, table: str) -> list[tuple[bytes | None, ...]]:
        """The target's rows, sorted, as canonical texts."""
        (side,) = (each.target_side for each in self.tables if each.source.name.name == table)
        with self.target.get(Views).view() as view:
            return sorted(view.rows(side, EVERYTHING), key=repr)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """The target, in its own words."""
        with self.target.get(Connects).engine().connect() as connection:
            return [tuple(row) for row in connection.execution_options(no_parameters=True).exec_driver_sql(sql)]


def _verify(table: TableMap, left: View, right: View) -> None:
    theirs, ours = left.sum(table.source_side, EVERYTHING), right.sum(table.target_side, EVERYTHING)
    outcome = diff(table, EVERYTHING, left, right, theirs.rows)
    name = table.source.name.name
    assert theirs.rows == ours.rows > 0, name
    named = [(each.what, each.key, each.columns) for each in outcome.named]
    assert not named, (name, named)
    assert outcome.source_digest == outcome.target_digest, name
    if not any(isinstance(field.kind, BY_VALUE) for field in table.source_side.fields):
        assert theirs == ours, name


def planned(number: int, source: Table, target: Table, *, plain: bool) -> TableMap:
    columns = tuple(
        ColumnMap(source=column, target=target.column(column.name))
        for column in source.columns
        if column.generated is None
    )
    return TableMap(number=number, source=source, target=target, columns=columns, plain=plain)


@contextmanager
def of_postgres(server: Any, database: str) -> Iterator[tuple[EndpointRef, str, Run]]:
    """An end of the way: its reference, its schema, and what runs a script there."""
    ref = EndpointRef(engine="postgres", host=server.host, port=server.port, user=server.user, database=database)
    with closing(postgres_connection(server, database)) as connection:
        rows(connection, "set timezone = 'UTC'")
        yield ref, "public", lambda script, parameters=None: rows(connection, script, parameters)


@contextmanager
def of_mysql(server: Any, database: str) -> Iterator[tuple[EndpointRef, str, Run]]:
    ref = EndpointRef(engine="mysql", host=server.host, port=server.port, user=server.user, database=database)
    with closing(mysql_connection(server, database)) as connection:
        rows(connection, "set sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00'")

        def run(script: str, parameters: Sequence[Any] | None = None) -> None:
            if parameters is not None:
                rows(connection, script, parameters)
                return
            rows(connection, "begin")
            for statement in statements(script):
                rows(connection, statement)
            rows(connection, "commit")

        yield ref, database, run

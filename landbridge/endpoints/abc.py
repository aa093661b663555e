"""
What an endpoint can do, one small Protocol a capability. Ask `endpoint.get(Snapshots)` for what is needed; an engine
that cannot answers with `Unsupported`.

Rules for all: an error of the driver leaves as a MigrationError (`Transient` or `Terminal` by its error class, never by
its text); source and target are different parameters; a connection never leaves the process that opened it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import sqlalchemy as sa

from landbridge.change import Change, Packed, Transaction
from landbridge.endpoints.altering import Follow
from landbridge.endpoints.lock import Lock
from landbridge.kinds import Loss
from landbridge.model import (
    Bounds,
    Catalog,
    NamedType,
    Position,
    Relation,
    SchemaObject,
    Sum,
    Table,
    TableMap,
    TableName,
)
from landbridge.model import Sequence as NumberSequence


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing a check found. `name` is the check's key in docs/checks.md; a refusal ends the run before it begins."""

    name: str
    level: Literal["refuse", "warn"]
    found: str
    wanted: str
    mend: str


class Connects(Protocol):
    def identity(self) -> str:
        """Which server this is: the same after a restart, another after a failover. Part of what a position means."""

    def engine(self) -> sa.Engine:
        """Connections with the session set and asserted; for the ledger and whatever is not hot."""

    def exclusive(self, name: str) -> AbstractContextManager[Lock]:
        """A lock that lives with its own session: true when it was free. Released at exit or when the process dies."""


class Describes(Protocol):
    def schemas(self) -> tuple[str, ...]:
        """All schemas but the system's own and the ledger's."""

    def describe(self, schemas: Collection[str]) -> Catalog:
        """Everything in these schemas, each object once, in a stable order."""


class Counts(Protocol):
    """Sequences, identities and AUTO_INCREMENT."""

    def counters(self, tables: Sequence[Table], sequences: Sequence[NumberSequence]) -> "tuple[Counter, ...]":
        """Their present values. A Table's identity column is named by table and column, a sequence by its name."""

    def advance(self, counters: "Sequence[Counter]") -> None:
        """Set them on this side, so that the next value comes after `last` and after every value in the column."""


@dataclass(frozen=True, kw_only=True)
class Counter:
    """`column` None: a sequence named `name`; else the column of the table `name`. last None: never used."""

    name: TableName
    column: str | None
    last: int | None


class Checks(Protocol):
    """Everything that must be so before anything is written. All findings come in one list; a check never writes."""

    def reach(self) -> Finding | None:
        """Whether the server answers to this login; the reason if not."""

    def check_source(self, tables: Sequence[TableMap], freeze: str) -> Iterator[Finding]:
        """freeze: how the plan wants the source's writers stopped."""

    def check_target(self, tables: Sequence[TableMap], owned: Collection[TableName]) -> Iterator[Finding]:
        """owned: target tables that the ledger says this plan filled; rows in any other are a refusal."""


class Snapshots(Protocol):
    """Reading a table for the load."""

    def segments(self, table: Relation, max_bytes: int) -> tuple[Bounds, ...]:
        """
        Ranges that together hold every row there is or will be (the outermost are open-ended), each of at most about
        `max_bytes`, in the key order that the source itself uses. One open range for a small table or one without key.
        """

    def read(self, table: Relation, bounds: Bounds, sink: "Sink") -> "Read":
        """
        Push the rows as lines (landbridge/text.py) in blocks of some 256 KiB, from one short transaction. The position
        errs high: the log's end after the read. A table without a key is read in a snapshot whose position is exact.
        """


class Sink(Protocol):
    def __call__(self, block: bytes, /) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Read:
    rows: int
    position: Position


class Views(Protocol):
    """Comparing. Both sides open a view, the source's says at which position."""

    def view(self, *, exact: bool = False) -> AbstractContextManager["View"]:
        """A consistent read-only snapshot. exact: of a source, whose log position is then known; Transient, naming the
        blocker, when it cannot be had within some seconds."""


class View(Protocol):
    position: Position | None

    def sum(self, table: Relation, bounds: Bounds) -> Sum:
        """Rows in the key range and the sum of their hashes, computed by the server."""

    def rows(self, table: Relation, bounds: Bounds) -> Iterator[tuple[bytes | None, ...]]:
        """The rows of the range as canonical texts (plain tables: the engine's own text), in no promised order."""

    def answers(self, select: str, seconds: float) -> Iterator[tuple[bytes | None, ...]]:
        """The rows of a query in its own words, as texts. Terminal when it fails or takes longer; the view goes on."""

    def orphans(self, table: Table) -> Mapping[str, int]:
        """For each foreign key (by name) the rows that point nowhere. Only asked of a target."""


class Changes(Protocol):
    """The source's log as a stream of committed transactions."""

    def here(self) -> Position:
        """The log's end, never before a change that any finished statement could have made visible."""

    def prepare(self, run: str, tables: Sequence[TableMap]) -> Position:
        """Make what the stream needs (slot, publication) and say where it begins. Once a run; an older one's remains
        of the same run are replaced."""

    def settle(self, since: Position, patience: float) -> None:
        """Return once every transaction that was open at `since` has ended. Transient, naming them, after `patience`
        seconds."""

    def resume(self, run: str, known: str, since: Position, passed: str) -> Position:
        """
        Where the stream that stood at `since` on the server `known` (its identity) and has passed `passed` (see
        Transaction) goes on at the server that is the source now. PositionLost unless that has all of it and the rest.
        """

    def stream(
        self,
        run: str,
        since: Position,
        tables: Sequence[TableMap],
        left_out: str = "",
        follow: Follow | None = None,
        passed: str = "",
        *,
        packed: bool = False,
    ) -> AbstractContextManager["ChangeStream"]:
        """
        Every transaction that committed after `since`, in commit order; some may come again after a reconnect, none is
        left out but those of `left_out`, which were passed on another server of the source. Where a table is altered,
        `follow` is asked for its new shape, by which the rest is decoded, and an ALTER stands between the changes.
        packed: transactions may come so, whose tables' text the target takes as it is.
        Raises PositionLost when the log no longer reaches back, or lacks what was `passed` before it; SchemaDrift when
        a table's shape differs from the one given and cannot be followed; Unsupported for anything in the stream that
        cannot be decoded.
        """

    def release(self, run: str) -> None:
        """Remove from the source what `prepare` made. Removing nothing is no error."""

    def held(self, run: str, since: Position, committed: float) -> "Held":
        """What the source keeps of its log because the run goes on from `since`, where the source's clock was at
        `committed`."""

    def pulse(self, *positions: Position) -> "Pulse":
        """The source at this moment, and how far its log's end is past each of these positions."""


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """
    clock: the source's, seconds since 1970. end: of its log. behind: bytes from each position asked for to the end,
    None where the log no longer has it. oldest: the open transaction that has written and is open longest, in seconds,
    and who has it open; None without one.
    """

    clock: float
    end: Position
    behind: tuple[int | None, ...]
    oldest: tuple[float, str] | None


@dataclass(frozen=True, kw_only=True)
class Held:
    """
    state: 'kept', 'threatened' (the server may drop it at any time) or 'lost'. bytes: of log that is not read and
    applied yet. bytes_left: what may be added before it is lost, None without a limit. seconds_left: at least as long
    it is kept, None where age does not matter.
    """

    state: Literal["kept", "threatened", "lost"]
    bytes: int = 0
    bytes_left: int | None = None
    seconds_left: float | None = None


class ChangeStream(Protocol):
    def __iter__(self) -> Iterator[Transaction]:
        """
        Yields heartbeats at least every second or so, also when nothing happens at the source. One that may be packed
        may end: to be opened anew, where it has come to, because it is then read in a better way.
        """

    def confirm(self, position: Position) -> None:
        """The target holds everything up to here: the source may forget it."""


class Packs(Protocol):
    """Of a source whose stream gives transactions packed."""

    def unpack(self, packed: Packed) -> list[Change]: ...


class Freezes(Protocol):
    """Stopping all writers of the source, and proving it."""

    def freeze(self, run: str, how: str, tables: Sequence[TableMap]) -> tuple[str, ...]:
        """
        Stop writers ('read-only', 'revoke') but our own login, end every older writer, prove that none is left, and
        say what was done, a line each. Doing it again is harmless. What undoes it is kept by `run` alone (no local
        state): `thaw` works from another process.
        """

    def thaw(self, run: str, how: str, tables: Sequence[TableMap]) -> None:
        """Undo the freeze. Undoing none is no error."""

    def admit(self, run: str) -> None:
        """
        Let our own login, and it only as far as the server can tell, write to what `freeze` has stopped; called when
        that is proven. Doing it again is harmless, and closes again what a restart of the server has opened. Raises
        Terminal when it cannot.
        """

    def mark(self, run: str) -> Position:
        """Called when frozen: a position at or after every change, which the stream reaches soon even when idle."""


Phase = Literal["tables", "indexes", "unique", "objects", "foreign keys", "triggers", "validate"]
"""
In this order: 'tables' before the load (and what tables need: types, sequences, functions in defaults and checks), up
to 'objects' before the gate (views, routines…), 'foreign keys' and 'triggers' (whatever would act by itself: triggers,
events, rules) in the switch, 'validate' after it.
"""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """
    One DDL statement that makes one object of the inventory. `exists` is a query that yields a row when the object is
    already there. `table` is the number of the TableMap that it belongs to. session: statements that set the session
    for `sql` and `undo`; they are run just before it, in a session that ends with it. item: kind, name and parent of
    its row in the inventory, where those are not its own. undo: takes back what acts by itself, for the case that the
    switch is undone after it was made.
    """

    phase: Phase
    kind: str
    name: TableName
    sql: str
    exists: str
    table: int | None = None
    session: tuple[str, ...] = ()
    item: tuple[str, str, str] | None = None
    undo: str = ""


class Prepares(Protocol):
    """Making the schema on the target."""

    def adopt(self, table: Table, family: str, name: TableName, names: Mapping[TableName, TableName]) -> "Adopted":
        """
        The source's table as this engine will have it, and what is lost. `names`: source names of all mapped tables,
        sequences and types to target names, for references.
        """

    def fitted(self, tables: Sequence[TableMap]) -> Sequence[TableMap]:
        """The tables as they must be beside each other: the ends of a foreign key of one type, say."""

    def shown(self, native: str) -> str:
        """A type of an adopted column as `describe` will find it once it is made."""

    def statements(
        self, tables: Sequence[TableMap], sequences: Sequence[NumberSequence], types: Sequence[NamedType]
    ) -> Iterator[Statement]:
        """
        All statements, phases in order, each phase's in an order that works. Sequences and types come with their
        target names. 'foreign keys' adds them unproven where the engine can (NOT VALID), 'validate' proves them.
        """


class Carries(Protocol):
    """Views, routines, triggers and whatever else is not a table, on the target."""

    def carry(
        self,
        objects: Sequence[SchemaObject],
        family: str,
        names: Mapping[TableName, TableName],
        tables: Sequence[TableMap] = (),
        *,
        rights: bool = False,
    ) -> "Sequence[Carried]":
        """
        Each object as this engine can have it, in an order that works, or why not. `names` as for `adopt`, of all
        mapped tables, sequences, types and objects. tables: those that move, whose columns a translation must know.
        rights: within the family grants are carried too, to accounts and roles that the target has.
        Asks the target only what it has; writes nothing.
        """


@dataclass(frozen=True, kw_only=True)
class Carried:
    """
    What becomes of a source's object. No statements: it is not carried, `reason` says why and what to do, `effort` how
    much work that is for a person. translated: its text was rewritten for another dialect. check: a query on the source
    and one on the target that must yield the same rows (a view's whole content, say), to be compared before the gate.
    """

    source: SchemaObject
    name: TableName
    statements: tuple[Statement, ...] = ()
    translated: bool = False
    reason: str = ""
    effort: Literal["", "small", "medium", "large"] = ""
    check: tuple[str, str] | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Kind, name and parent of its row in the inventory."""
        return self.source.kind, str(self.source.name), str(self.source.parent or "")


@dataclass(frozen=True, kw_only=True)
class Adopted:
    table: Table
    types: tuple[NamedType, ...] = ()
    losses: tuple[Loss, ...] = ()


class Loads(Protocol):
    def load(self, connection: sa.Connection, table: Relation, blocks: Iterable[bytes]) -> int:
        """Parse lines into the table, inside the transaction that is open on `connection`; the rows taken in."""


Facts = Mapping[str, Any]

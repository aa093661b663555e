"""What endpoints do to apply changes to their tables. A part of abc.py."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from landbridge.change import Change, Packed, Tally, Value
from landbridge.model import Position, Relation


class Applies(Protocol):
    """silences_triggers: its sessions can; else tables with triggers are refused."""

    silences_triggers: bool

    def writer(self, connection: sa.Connection, tables: Sequence[Relation]) -> "Writer":
        """A writer over one connection, which it sets up for applying (triggers and foreign keys do not fire)."""


class Writer(Protocol):
    """Writes inside the open transaction, never commits. any_order: no table's rows depend on another table's."""

    any_order: bool

    def write(self, batch: "TableBatch", converge: bool) -> bool:
        """
        The batch, set-based: deletes, then updates, then inserts. False, or a Terminal error, where not every row was
        as the batch says: the caller rolls back.
        converge: the target may be ahead of the batch: a missing row is inserted if the image is whole, an insert that
        meets its row updates it, a missing delete is nothing; partial images without a row go to `batch.missing`.
        """

    def prepare(self, batch: "TableBatch") -> Callable[[], bool]:
        """
        Not converging: the call returned is `write`. Asked in another thread while this one writes something else, so
        it uses nothing of the connection.
        """

    def prepare_packed(self, packed: Sequence[Packed]) -> "PackedWrite":
        """As `prepare`, of the tables where that can be done."""

    def replay(self, changes: Iterable[Change], converge: bool) -> list[tuple[int, tuple[Value, ...]]]:
        """
        One by one in source order; returns (table number, key) of partial images that found no row when converging.
        Raises RowRejected, naming table and kind of fault but no data, when a row is not where it must be or is
        refused.
        """

    def truncate(self, table: int) -> None: ...

    def relax(self) -> bool:
        """
        The commit of the open transaction need not wait for the disk: a failure of the machine may take it back, and
        all that came after it. True if so; any later commit that waits makes it safe as well.
        """

    def reshape(self, table: Relation) -> None:
        """The table has another shape from here on, in the open transaction."""

    def follow(
        self, table: int, places: Sequence[int], values: tuple[Value, ...], to: tuple[Value, ...] | None
    ) -> Sequence[tuple[tuple[Value, ...], tuple[Value, ...] | None]]:
        """
        A foreign key's action: rows whose fields at `places` equal `values` are deleted (to None) or get `to` there.
        The old key of each, and its new key unless it is deleted.
        """

    def find(
        self, table: int, places: Sequence[int], values: Sequence[tuple[Value, ...]]
    ) -> Sequence[tuple[Value, ...]]:
        """Keys of the rows whose fields at `places` equal one of `values`."""

    def astray(
        self, table: int, places: Sequence[int], parent: int, others: Sequence[int]
    ) -> Sequence[tuple[Value, ...]]:
        """Keys of the rows that point to no row of `parent`: none of `places` is NULL, no `others` equals them."""


@dataclass(frozen=True, kw_only=True)
class PackedWrite:
    """rest: what of it has to be unpacked first. counts: of the changes without these. rows: so many are written."""

    counts: Tally
    rows: int
    write: Callable[[], bool]
    rest: Sequence[Packed]


@dataclass(kw_only=True)
class TableBatch:
    """
    Compacted changes of one table: each key once, or without a key whole images as often as equal rows are meant.
    deletes: keys. updates: (old key, new image), images may hold Ellipsis for columns that stay as they are. inserts:
    whole images. missing: keys, filled by the writer.
    """

    table: int
    deletes: list[tuple[Value, ...]]
    updates: list[tuple[tuple[Value, ...], tuple[Value, ...]]]
    inserts: list[tuple[Value, ...]]
    missing: list[tuple[Value, ...]]

    @property
    def rows(self) -> int:
        return len(self.deletes) + len(self.updates) + len(self.inserts)


class ReadsAgain(Protocol):
    """Reading single rows again from the source, for changes that do not carry a whole row."""

    def read_keys(self, table: Relation, keys: Sequence[tuple[Value, ...]]) -> "Reread": ...

    def read_matching(self, table: Relation, places: Sequence[int], values: Sequence[tuple[Value, ...]]) -> "Reread":
        """The rows whose fields at `places` equal one of `values`."""


@dataclass(frozen=True, kw_only=True)
class Reread:
    """rows: whole images of what exists now. position: errs high, as for a segment's read."""

    rows: list[tuple[Value, ...]]
    position: Position

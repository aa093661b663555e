"""What moves: the changes of rows, and the transactions that they come in."""

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from landbridge.model import Position

Value = Any
"""One field: canonical text as bytes, None for NULL, Ellipsis where the change does not carry the column."""

INSERT, UPDATE, DELETE, TRUNCATE, ALTER = 0, 1, 2, 3, 4

Change = tuple[int, int, tuple[Value, ...] | None, tuple[Value, ...] | None]
"""
(operation, table number, old, new), small and flat because millions of them pass.

new: the row after it, fields in the order of the table's `columns`; None for DELETE and TRUNCATE.
old: with a key, the key's fields in key order, for DELETE always and for UPDATE only when the key changed (else None);
without a key, all fields of the row before it. None for INSERT and TRUNCATE.
ALTER: from here on the table has another shape; `new` holds the position by which the ledger knows the alteration.
"""

Tally = Mapping[tuple[int, int], int]
"""Of changes, by operation and table number."""

Named = dict[bytes, tuple[int, tuple[int, ...]]]
"""Of each table in packed messages, by what they call it: the number, and where the key stands in a row."""

Packed = tuple[bytes, bytes, Named]
"""
Inserts, updates and deletes as they stand in the source's protocol, for who reads many of them at once: the messages
laid end to end, the length of each in LENGTH bytes, and their tables. `endpoints.abc.Packs` makes changes of them.
"""

LENGTH = array("I").itemsize

End = tuple[Position, float, int]
"""Of one transaction in a group: its position, its commit's time, and how many rows of the group are its own."""


def lay(messages: Sequence[bytes], tables: Named) -> Packed:
    if len(messages) == 1:  # as of most transactions, and in a quarter of the time
        return messages[0], len(messages[0]).to_bytes(LENGTH, sys.byteorder), tables
    return b"".join(messages), array("I", map(len, messages)).tobytes(), tables


def messages_of(packed: Packed) -> Iterator[bytes]:
    laid, lengths, _ = packed
    start = 0
    for length in array("I", lengths):
        yield laid[start : start + length]
        start += length


@dataclass(slots=True)  # frozen, it would take seven times as long to make, twice for each
class Transaction:
    """
    A committed transaction, or a part of a large one: `last` is False for all parts but the last, and all parts carry
    the position of the commit's end or, where that is not known yet, of the part. Without changes it is a heartbeat:
    everything before `position` has been seen. `committed` is in seconds since 1970, by the source's clock.
    passed: the source's history up to here, in words of its engine that hold on each of its servers; after FURTHER only
    what is new in it; '' nothing new. packed: its changes, where they are not in `changes`. ends: where this is a group
    of whole transactions that follow on each other, packed as one, of each; the last one's position and time are the
    group's.
    """

    position: Position
    committed: float
    changes: list[Change]
    last: bool = True
    passed: str = field(default="", compare=False)  # told whole or not, as it comes
    packed: "Packed | None" = None
    ends: Sequence[End] = ()

    @property
    def first(self) -> Position:
        """Its position, or the position of a group's first one."""
        return self.ends[0][0] if self.ends else self.position

    @property
    def count(self) -> int:
        """Of its changes."""
        return len(self.changes) + (len(self.packed[1]) // LENGTH if self.packed else 0)


def divided(transactions: Iterable[Transaction]) -> Iterator[Transaction]:
    """Each by itself, where some are groups."""
    for each in transactions:
        if each.ends and each.packed is not None:
            yield from _members(each.ends, each.packed)
        else:
            yield each


def _members(ends: Sequence[End], packed: Packed) -> Iterator[Transaction]:
    laid, lengths, tables = packed
    sizes = array("I", lengths)
    place = row = 0
    for position, committed, count in ends:
        past, next_row = place + sum(sizes[row : row + count]), row + count
        own = laid[place:past], lengths[row * LENGTH : next_row * LENGTH], tables
        yield Transaction(position, committed, [], packed=own)
        place, row = past, next_row


FURTHER = "+"


def passed_by(before: str, transactions: Iterable[Transaction]) -> str:
    """The history passed once these have been, too."""
    for each in transactions:
        if each.passed.startswith(FURTHER):
            before = f"{before},{each.passed[1:]}" if before else each.passed[1:]
        elif each.passed:
            before = each.passed
    return before

"""
Packed rows (log/packed.py) as COPY takes them, thousands at once and none by itself: where the fields stand in all of
the messages laid end to end is computed column by column; fields stay as they are, and of what lies between them some
bytes are overwritten and the others left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.change import LENGTH, Packed, lay, messages_of
from landbridge.endpoints.postgres.log.packed import HEAD, OPERATIONS
from landbridge.endpoints.postgres.log.pgoutput import DELETE, INSERT, row_reader
from landbridge.endpoints.postgres.write.written import WrittenTable

_ROW = HEAD + 2  # the count of fields comes before the first
_FIELD = 5  # what kind of value, four bytes of length
_BEYOND = bytes(_ROW + _FIELD)  # room to look past the last message's end
_TEXT, _NULL = b"tn"
_WIDEST_KEY = 256
_CELLS = 1 << 20  # fields at once, some 40 bytes of memory each
_DELIMITER, _QUOTE = b"\x01", b"\x02"
_COPY_TEXT = r" with (format text, delimiter e'\x01', null '')"
_COPY_CSV = r" with (format csv, delimiter e'\x01', quote e'\x02', null '')"

Places = NDArray[np.int64]
Which = NDArray[np.int64]
"""Rows, by their numbers, in order."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """
    One table's. laid: the bytes of all messages, and some more. starts, ends: of messages. heads, lengths, texts: by
    column, where a row's field begins, its length, and whether it is one, else NULL.
    """

    laid: NDArray[np.uint8]
    starts: Places
    ends: Places
    heads: list[Places]
    lengths: list[Places]
    texts: list[Flags]

    def message(self, place: int) -> bytes:
        return self.laid[self.starts[place] : self.ends[place]].tobytes()


@dataclass(frozen=True, kw_only=True)
class Sets:
    """
    What is left to do of one table's changes, each key once: which rows are to be inserted and so on. counts: of all of
    them, by operation.
    """

    table: WrittenTable
    counts: dict[int, int]
    rows: Rows
    inserts: Which
    updates: Which
    deletes: Which

    @property
    def left(self) -> int:
        return len(self.inserts) + len(self.updates) + len(self.deletes)


def sets(packed: Sequence[Packed], tables: Mapping[int, WrittenTable]) -> tuple[list[Sets], list[Packed]]:
    """Of all tables whose rows are whole and can follow on each other; and the rows of the others."""
    found: list[Sets] = []
    rest: list[Packed] = []
    for number, parts in _by_table(packed).items():
        made = _sets(tables[number], parts) if number in tables else None
        if made is None:
            rest += parts
        else:
            found.append(made)
    return found, rest


def _by_table(packed: Sequence[Packed]) -> dict[int, list[Packed]]:
    """In order: several may be called by names of their own and be one table, as partitions are."""
    found: dict[int, list[Packed]] = {}
    for each in packed:
        numbers = {number for number, _ in each[2].values()}
        for number, own in _divided(each) if len(numbers) > 1 else ((number, each) for number in numbers):
            found.setdefault(number, []).append(own)
    return found


def _divided(packed: Packed) -> Iterator[tuple[int, Packed]]:
    """By table, in one go."""
    tables, found = packed[2], dict[int, list[bytes]]()
    for message in messages_of(packed):
        found.setdefault(tables[message[1:5]][0], []).append(message)
    for number, messages in found.items():
        yield number, lay(messages, {oid: named for oid, named in tables.items() if named[0] == number})


def _sets(table: WrittenTable, parts: Sequence[Packed]) -> Sets | None:
    count = sum(len(lengths) for _, lengths, _ in parts) // LENGTH
    rows = _rows(parts, len(table.all)) if count * len(table.all) <= _CELLS else None
    keys = None if rows is None else _keys(rows, table.key)
    if rows is None or keys is None:
        return None
    tags = rows.laid[rows.starts]
    kept = _compacted(tags, keys)
    if kept is None:
        return None
    counts = {kind: int((tags == tag).sum()) for tag, kind in OPERATIONS.items()}
    inserts, updates, deletes = kept
    return Sets(table=table, counts=counts, rows=rows, inserts=inserts, updates=updates, deletes=deletes)


def _rows(parts: Sequence[Packed], count: int) -> Rows | None:
    """None where a row has another count of fields, or one of them is neither text nor NULL."""
    laid = np.frombuffer(b"".join([*(part[0] for part in parts), _BEYOND]), np.uint8)
    ends = np.cumsum(np.frombuffer(b"".join(part[1] for part in parts), np.uintc), dtype=np.int64)
    starts = np.concatenate(([0], ends[:-1]))
    place = starts + _ROW
    if ((laid[place - 2].astype(np.int64) << 8 | laid[place - 1]) != count).any():
        return None
    heads, lengths, texts = [], [], []
    numbers = _big_endian(laid)
    for _ in range(count):
        kind = laid[place]
        text = kind == _TEXT
        if not (text | (kind == _NULL)).all():
            return None
        length = np.where(text, numbers[place + 1], 0).astype(np.int64)
        heads.append(place)
        lengths.append(length)
        texts.append(text)
        place = place + np.where(text, length + _FIELD, 1)
        if (place > ends).any():
            return None
    if (place != ends).any():
        return None
    return Rows(laid=laid, starts=starts, ends=ends, heads=heads, lengths=lengths, texts=texts)


def _big_endian(laid: NDArray[np.uint8]) -> NDArray[Any]:
    """The numbers of four bytes that begin at each place."""
    return np.ndarray(len(laid) - 3, ">u4", laid, strides=(1,))


def _keys(rows: Rows, places: Sequence[int]) -> NDArray[Any] | None:
    """One value a row, equal where the keys' texts are: they hold no zero byte, which stands after each field."""
    widths = [int(rows.lengths[place].max()) + 1 for place in places]
    if sum(widths) > _WIDEST_KEY or not all(rows.texts[place].all() for place in places):
        return None
    keys = np.zeros((len(rows.starts), sum(widths)), np.uint8)
    column = 0
    for place, width in zip(places, widths, strict=True):
        heads, lengths = rows.heads[place], rows.lengths[place]
        for further in range(width - 1):
            there = further < lengths
            keys[there, column + further] = rows.laid[heads[there] + _FIELD + further]
        column += width
    return keys.view(f"S{sum(widths)}").ravel()


def _compacted(tags: NDArray[np.uint8], keys: NDArray[Any]) -> tuple[Which, Which, Which] | None:
    """
    The rows that say what is to be inserted, updated and deleted, in their order. Of a key the first change says
    whether the row is there before, the last one what becomes of it. None where they contradict each other.
    """
    order = np.argsort(keys, kind="stable")
    tags, keys = tags[order], keys[order]
    new = np.concatenate(([True], keys[1:] != keys[:-1]))
    follows = ~new[1:]
    there, inserted = tags[:-1] != DELETE[0], tags[1:] == INSERT[0]
    if (follows & (there == inserted)).any():
        return None
    ends = np.concatenate((new[1:], [True]))
    fresh, gone, last = tags[new] == INSERT[0], tags[ends] == DELETE[0], order[ends]
    return np.sort(last[fresh & ~gone]), np.sort(last[~fresh & ~gone]), np.sort(last[~fresh & gone])


def lines(rows: Rows, which: Which, number: int | None = None) -> tuple[bytes, str]:
    """What COPY reads of these rows, and its options for that. number: a first field of each line, below NUMBERS."""
    count, columns = len(which), len(rows.heads)
    laid, kept = rows.laid.copy(), np.zeros(len(rows.laid), np.bool_)
    for first, last in _runs(which):
        kept[rows.starts[first] : rows.ends[last]] = True
    _begin_lines(laid, kept, rows.starts[which], number)
    empties = 0
    for place in range(columns):
        heads, texts = rows.heads[place][which], rows.texts[place][which]
        if place or number is not None:
            laid[heads] = _DELIMITER[0]
        else:
            kept[heads] = False
        filled = heads if texts.all() else heads[texts]
        for further in range(1, _FIELD):
            kept[filled + further] = False
        empty = heads[texts & (rows.lengths[place][which] == 0)]
        empties += len(empty)
        for further in (1, 2):
            laid[empty + further], kept[empty + further] = _QUOTE[0], True
    left = np.append(laid[kept][1:], np.uint8(ord("\n")))
    made, between = left.tobytes(), columns if number is not None else columns - 1
    if _counted(left, _DELIMITER) != between * count or _counted(left, b"\n") != count or b"\r" in made:
        return _quoted(map(rows.message, which.tolist()), number), _COPY_CSV
    if not empties and b"\\" not in made:
        return made, _COPY_TEXT
    if columns == 1 or made.count(_QUOTE) != 2 * empties:
        return _quoted(map(rows.message, which.tolist()), number), _COPY_CSV
    return made, _COPY_CSV


def _runs(which: Which) -> Iterator[tuple[int, int]]:
    """The first and the last of those that follow on each other."""
    breaks = np.flatnonzero(np.diff(which) != 1)
    firsts, lasts = which[np.append(0, breaks + 1)], which[np.append(breaks, len(which) - 1)]
    return zip(firsts.tolist(), lasts.tolist(), strict=True)


def _counted(text: NDArray[np.uint8], byte: bytes) -> int:
    """What bytes.count counts, which is slow where it finds much."""
    return int(np.count_nonzero(text == byte[0]))


def _begin_lines(laid: NDArray[np.uint8], kept: Flags, starts: Places, number: int | None) -> None:
    """The end of the line before, and this one's number, in place of what the message begins with."""
    laid[starts] = ord("\n")
    for further, digit in enumerate(b"" if number is None else b"%07d" % number, 1):
        laid[starts + further] = digit
    if number is None:
        for further in range(1, _ROW):
            kept[starts + further] = False


def _quoted(messages: Iterable[bytes], number: int | None) -> bytes:
    """Where fields hold what separates them: each by itself, in quotes."""
    begin = b"" if number is None else b"%07d%b" % (number, _DELIMITER)
    return b"".join(begin + _DELIMITER.join(map(_quote, _fields(message))) + b"\n" for message in messages)


def _fields(message: bytes) -> tuple[bytes | None, ...]:
    return row_reader(int.from_bytes(message[HEAD:_ROW], "big"))(message, HEAD)[0]


def _quote(field: bytes | None) -> bytes:
    return b"" if field is None else _QUOTE + field.replace(_QUOTE, _QUOTE + _QUOTE) + _QUOTE

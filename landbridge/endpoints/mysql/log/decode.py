"""
Row events decoded by functions compiled for one table each: Python source is written for the table's columns as the
log describes them, compiled once, and loops over the rows of an event without a test that could have been made before.
"""

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pymysqlreplication.constants import FIELD_TYPE

from landbridge.change import DELETE, INSERT, UPDATE, Change
from landbridge.endpoints.mysql.log import events, fields, jsondiff, shape
from landbridge.endpoints.mysql.log.charsets import Charsets
from landbridge.endpoints.mysql.log.defaults import left_out
from landbridge.endpoints.mysql.log.events import WireTable
from landbridge.endpoints.mysql.log.fields import Layout
from landbridge.endpoints.mysql.schema import versioning
from landbridge.errors import Unsupported
from landbridge.model import TableMap

Loop = Callable[[bytes, int, int, Callable[[Change], None]], int]
"""(event's body, where its rows begin, where they end, what takes a change); returns where it stopped reading"""

_NULL_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


class TableDecoder:
    """
    Decodes the row events of one table. Raises SchemaDrift when the log's table is not the recorded one, Unsupported
    for a type that cannot be read.
    """

    def __init__(self, table: TableMap, wire: WireTable, charsets: Charsets, *, mariadb: bool = False) -> None:
        wire = shape.completed(table.source, wire, charsets)
        shape.check(table.source, wire, charsets)
        self.table = table
        self._mariadb = mariadb
        self._wire = wire
        self._layouts = [_layout(table, column, charsets) for column in wire.columns]
        self._loops: dict[tuple[int, bytes], Loop] = {}
        self._count_size = 1 if len(wire.columns) < 251 else 3  # of the number of columns, which is length-encoded
        self._bitmap_size = (len(wire.columns) + 7) // 8

    def decode(self, kind: int, body: bytes, changes: list[Change]) -> None:
        """Appends what a row event holds. kind: the event's type."""
        at = 8
        if kind in events.ROWS_V2:
            at += int.from_bytes(body[8:10], "little")  # extra data, its own two bytes included
        at += self._count_size
        end = at + self._bitmap_size * (2 if kind in events.UPDATES else 1)
        present = body[at:end]
        loop = self._loops.get((kind, present))
        if loop is None:
            loop = self._loops[kind, present] = self._compile(kind, present)
        try:
            end = loop(body, end, len(body), changes.append)
        except (struct.error, LookupError, ArithmeticError, ValueError, zlib.error):
            end = -1
        if end != len(body):
            raise Unsupported(
                f"a row event of table {self.table.source.name} cannot be decoded as the log describes the table",
                mend="report it with the server's version; leave the table out of the plan (exclude) until then",
            ) from None

    def _compile(self, kind: int, present: bytes) -> Loop:
        writer = _LoopWriter(self.table, self._wire, self._layouts, mariadb=self._mariadb)
        half = len(present) // 2
        if kind in events.INSERTS:
            writer.insert(self._places(present))
        elif kind in events.DELETES:
            writer.delete(self._places(present))
        else:
            partial = kind == events.PARTIAL_UPDATE
            writer.update(self._places(present[:half]), self._places(present[half:]), partial=partial)
        return writer.compile()

    def _places(self, bitmap: bytes) -> list[int]:
        """Which columns an image carries. The bits after the last column may be set or not."""
        bits = int.from_bytes(bitmap, "little")
        return [place for place in range(len(self._wire.columns)) if bits >> place & 1]


@dataclass(frozen=True, kw_only=True)
class Undecodable:
    """In place of a TableDecoder, where the table itself has what cannot be read."""

    table: TableMap
    error: Unsupported

    def decode(self, kind: int, body: bytes, changes: list[Change]) -> None:  # noqa: ARG002
        raise self.error.with_traceback(None)


def _layout(table: TableMap, column: events.WireColumn, charsets: Charsets) -> Layout:
    recorded = {each.source.name: each.source for each in table.columns}
    planned = recorded.get(column.name)
    found = fields.layout(column, planned.kind if planned else None, charsets)
    if found is None or (found.source is None and planned):
        raise Unsupported(
            f"column {column.name} of table {table.source.name} has a type that cannot be read from the log"
            f" (type {column.type})",
            mend="leave the table out of the plan (exclude), or change the column's type",
        )
    if planned and planned.nul == "strip":
        return fields.without_nul(found)
    return fields.without_odd_dates(found) if planned and planned.zero_dates == "null" else found


class _LoopWriter:
    """
    Writes the source of one loop. Columns are named by their place in the log's table: o3 is the canonical text of the
    fourth column before the change, t3 the one after it.
    """

    def __init__(self, table: TableMap, wire: WireTable, layouts: Sequence[Layout], *, mariadb: bool) -> None:
        self._table = table
        self._mariadb = mariadb
        self._wire = wire
        self._layouts = layouts
        places = {column.name: place for place, column in enumerate(wire.columns)}
        self._row = [places[column.source.name] for column in table.columns]
        self._key = [self._row[place] for place in table.key]
        self._end = [places[table.source.versioning.end]] if table.source.versioning else []
        self._names: dict[str, Any] = dict(fields.NAMES)
        self._lines = ["def loop(b, p, end, out):", "    while p < end:"]
        self._indent = 2
        self._patched: dict[int, str] = {}
        self._run: list[tuple[str, str]] = []
        self._after_run: list[str] = []

    def insert(self, present: list[int]) -> None:
        defaults = self._defaults(present)
        # A row without any column takes no bytes, so nobody could count them.
        self._demand([*(self._key or self._row), *self._end], present and [*present, *defaults])
        self._image(present, [*self._row, *self._end], "t")
        self._only_of_now("t")
        self._emit(INSERT, "None", self._tuple(self._row, present, "t", defaults))

    def delete(self, present: list[int]) -> None:
        old = self._key or self._row
        self._demand([*old, *self._end], present)
        self._image(present, [*old, *self._end], "o")
        self._only_of_now("o")
        self._emit(DELETE, self._tuple(old, present, "o"), "None")

    def update(self, before: list[int], after: list[int], *, partial: bool = False) -> None:
        """partial: documents may be given as differences to those before."""
        old = self._key or self._row
        self._demand([*old, *self._end], before)
        documents = [place for place in self._row if partial and place in after and self._is_document(place)]
        # What the new image leaves out has kept its value.
        kept = {place: f"o{place}" for place in self._row if place in before and place not in after}
        self._image(before, [*old, *kept, *documents, *self._end], "o")
        self._only_of_now("o")
        if partial:
            self._differences(documents, before)
        self._image(after, [*self._row, *self._end], "t")
        images, same = self._tuple(old, before, "o"), ""
        if set(self._end) & set(after):
            self._only_of_now("t", f"out(({DELETE}, {self._table.number}, {images}, None)); ")
        if self._key:
            same = " and ".join(f"o{place} == t{place}" for place in self._key if place in after) or "True"
        new = self._tuple(self._row, after, "t", kept)
        unknown = [f"t{place} is ..." for place in documents if place not in before]
        if unknown:
            # To be read again: said by an insert of a row that is not whole.
            self._line(f"if {' or '.join(unknown)}:")
            self._indent += 1
            self._line(f"if not ({same}): out(({DELETE}, {self._table.number}, {images}, None))")
            self._emit(INSERT, "None", new)
            self._line("continue")
            self._indent -= 1
        if self._mariadb and self._key and not set(self._row) <= {*kept, *after}:
            # Measured on 10.11 and 11.8: what REPLACE makes of an existing row is logged as an update that leaves out
            # the columns it has set to their defaults, as if they had been kept. So it is read again, too.
            self._line(f"if not ({same}): out(({UPDATE}, {self._table.number}, {images}, {new}))")
            self._emit(INSERT, "None", new)
        else:
            self._emit(UPDATE, f"None if {same} else {images}" if same else images, new)

    def _only_of_now(self, prefix: str, otherwise: str = "") -> None:
        """Rows that were so until some time are history: what ends a row's time deletes it."""
        for place in self._end:
            self._names["now"] = versioning.CURRENT
            self._line(f"if {prefix}{place} not in now: {otherwise}continue")

    def _is_document(self, place: int) -> bool:
        return bool(self._wire.columns[place].type == FIELD_TYPE.JSON)

    def _differences(self, documents: list[int], before: list[int]) -> None:
        """The new image begins with an option and, if it is set, a bit for each JSON column of the table."""
        all_documents = [place for place in range(len(self._wire.columns)) if self._is_document(place)]
        size = (len(all_documents) + 7) // 8
        self._line("w = b[p]; p += 1")
        self._line(f"if w: w = big(b[p:p + {size}], 'little'); p += {size}")
        self._names["patched"] = jsondiff.patched
        for bit, place in enumerate(all_documents):
            if place in documents:
                changed = f"patched(o{place}, b[q:p])" if place in before else "..."
                self._patched[place] = f"{changed} if w & {1 << bit} else {self._text(place, 'b[q:p]')}"

    def compile(self) -> Loop:
        self._lines.append("    return p")
        exec("\n".join(self._lines), self._names)  # noqa: S102
        loop: Loop = self._names["loop"]
        return loop

    def _defaults(self, present: list[int]) -> dict[int, str]:
        """Names of the values that the row has in columns left out, where they are known."""
        found = {}
        for place, column in zip(self._row, self._table.columns, strict=True):
            value = ... if place in present else left_out(column.source)
            if value is not ...:
                self._names[f"d{place}"] = value
                found[place] = f"d{place}"
        return found

    def _demand(self, places: list[int], present: list[int]) -> None:
        if not set(places) <= set(present):
            why = "" if self._key else ", without which it cannot be found, as the table has no primary key"
            raise Unsupported(
                f"a change of table {self._table.source.name} does not carry the whole row{why}",
                mend="SET GLOBAL binlog_row_image = FULL; sessions that set it themselves must not",
            )

    def _emit(self, operation: int, old: str, new: str) -> None:
        self._line(f"out(({operation}, {self._table.number}, {old}, {new}))")

    @staticmethod
    def _tuple(places: list[int], present: list[int], prefix: str, kept: dict[int, str] | None = None) -> str:
        carried = {place: f"{prefix}{place}" for place in present} | (kept or {})
        return "(" + "".join(f"{carried.get(place, '...')}, " for place in places) + ")"

    def _image(self, present: list[int], wanted: list[int], prefix: str) -> None:
        """One row image: the bits of its NULLs, then the values of the columns that are present and not NULL."""
        size = (len(present) + 7) // 8
        self._unpack(_NULL_CODES.get(size, f"{size}s"), "n")
        if size not in _NULL_CODES:
            self._after_run.append("n = big(n, 'little')")
        for bit, place in enumerate(present):
            name = f"{prefix}{place}" if place in wanted else ""
            if self._wire.columns[place].nullable:
                self._nullable(place, name, 1 << bit)
            else:
                self._value(place, name)
        self._flush()

    def _nullable(self, place: int, name: str, mask: int) -> None:
        self._flush()
        if name:
            self._line(f"if n & {mask}: {name} = None")
            self._line("else:")
        else:
            self._line(f"if not n & {mask}:")
        self._indent += 1
        self._value(place, name)
        self._flush()
        self._indent -= 1

    def _value(self, place: int, name: str) -> None:
        """A value that is there; without a name it is stepped over."""
        layout = self._layouts[place]
        if not layout.prefix:
            self._unpack(layout.code, f"v{place}" if name else "")
            if name:
                self._after_run.append(f"{name} = {self._text(place, f'v{place}')}")
            return
        self._unpack(layout.code, "m")
        self._flush()
        size = "big(m, 'little')" if layout.code.endswith("s") else "m"
        if name:
            text = self._patched.get(place) or self._text(place, "b[q:p]")
            self._line(f"q = p; p += {size}; {name} = {text}")
        else:
            self._line(f"p += {size}")

    def _text(self, place: int, value: str) -> str:
        layout = self._layouts[place]
        assert layout.source is not None
        self._names[f"c{place}"] = layout.constant
        return layout.source.replace("{v}", value).replace("{c}", f"c{place}")

    def _unpack(self, code: str, name: str) -> None:
        """Adds to the run of fixed-width values that are unpacked together."""
        self._run.append((code if name else f"{struct.calcsize('<' + code)}x", name))

    def _flush(self) -> None:
        run, self._run = self._run, []
        after, self._after_run = self._after_run, []
        names = [name for _, name in run if name]
        layout = struct.Struct("<" + "".join(code for code, _ in run))
        if run == [("B", names[0] if names else "")]:
            self._line(f"{names[0]} = b[p]")
        elif names:
            unpack = f"u{len(self._names)}"
            self._names[unpack] = layout.unpack_from
            self._line(f"{', '.join(names)}, = {unpack}(b, p)")
        if layout.size:
            self._line(f"p += {layout.size}")
        for line in after:
            self._line(line)

    def _line(self, line: str) -> None:
        self._lines.append("    " * self._indent + line)

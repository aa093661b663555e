"""
The maps of the way back. The canonical text of a value is that of the first source's kind in both directions, which is
what a comparison reads from the target; so a column can go back only where the target's log yields that very text.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from landbridge import kinds
from landbridge.errors import Terminal
from landbridge.kinds import Kind
from landbridge.model import ColumnMap, SequenceMap, Table, TableMap, TableName

_WHOLE = (kinds.Int, kinds.Bool, kinds.Decimal)
_LABELS = (kinds.Text, kinds.Enum, kinds.Set)
_ALWAYS = (
    kinds.Int, kinds.Bool, kinds.Date, kinds.Bytes, kinds.Json, kinds.Uuid, kinds.Enum, kinds.Set, kinds.Year,
    kinds.Inet, kinds.Geometry, kinds.Vector,
)  # fmt: skip

_SPOKEN = (kinds.Uuid, kinds.Json, kinds.Inet, kinds.Bit, kinds.Other)
"""What may have arrived as a text: its canonical text, from which the first source makes the value again."""


def inverted(table: TableMap, now: Mapping[TableName, Table]) -> TableMap:
    """now: the target's tables as they are there, whose kinds are what its log is decoded by."""
    there = now.get(table.target.name)
    names = {column.name for column in there.columns} if there else set()
    gone = [c.target.name for c in table.columns if c.target.name not in names]
    if there is None or gone:
        raise Terminal(
            f"{table.target.name} on the target is not what was made there: {', '.join(gone) or 'it is gone'}",
            mend="give it back its columns, or switch with `way_back: false`",
        )
    columns = tuple(_turned(column, there, table.plain) for column in table.columns)
    there = replace(there, foreign_keys=table.target.foreign_keys)  # the switch makes them after this is asked
    return TableMap(number=table.number, source=there, target=table.source, columns=columns, plain=table.plain)


def inverted_sequences(sequences: Iterable[SequenceMap], now: Collection[TableName]) -> tuple[SequenceMap, ...]:
    """now: the sequences that the target has. For the others columns count there, or nothing does."""
    return tuple(SequenceMap(source=each.target, target=each.source) for each in sequences if each.target.name in now)


def _turned(column: ColumnMap, there: Table, plain: bool) -> ColumnMap:
    now = there.column(column.target.name)
    if not plain and not same_text(now.kind, column.travels_as):
        raise Terminal(
            f"{there.name}.{now.name} is a {now.native} by now, whose values cannot be written back",
            mend="give it back the type it was made with, or switch with `way_back: false`",
        )
    return ColumnMap(
        source=now, target=column.source, kind=None if now.kind == column.travels_as else column.travels_as
    )


def irreversible(table: TableMap) -> Iterator[tuple[str, str]]:
    """Names of the first source's columns that cannot be written back, and why."""
    travelling = {column.source.name for column in table.columns}
    for column in table.source.columns:
        needed = not (column.nullable or column.default or column.generated or column.identity)
        if column.name not in travelling and needed:
            yield column.name, "it is not on the target, and rows that are new there would have no value for it"
    for pair in table.columns:
        if pair.source.zero_dates == "null":
            yield pair.source.name, "dates that became NULL would be written back as NULL"
        elif pair.source.nul == "strip":
            yield pair.source.name, "texts that lost their NUL would be written back without it"
        elif not table.plain and not same_text(pair.target.kind, pair.source.kind):
            yield pair.source.name, f"a {pair.target.native} does not read as the {pair.source.native} that it was"


def same_text(own: Kind, first: Kind) -> bool:
    """
    Whether a value of the kind `own` has the canonical text that it has as `first`, or one that `first` takes for the
    same. An application may still write what `first` cannot hold: that is refused row by row, or the comparison tells.
    """
    if own == first:
        return True
    if type(own) is type(first) and (isinstance(own, _ALWAYS) or _same_form(own, first)):
        return True
    if isinstance(own, _WHOLE) and isinstance(first, _WHOLE):
        return all(getattr(kind, "scale", 0) == 0 for kind in (own, first))
    if isinstance(own, _LABELS) and isinstance(first, _LABELS):
        return not getattr(own, "fixed", False)
    if isinstance(own, kinds.Timestamp) and isinstance(first, kinds.TimestampTz):
        return own.fsp == first.fsp  # in UTC, as every session of ours is
    return isinstance(own, kinds.Text) and isinstance(first, _SPOKEN)


_FORM: dict[type, tuple[str, ...]] = {
    kinds.Decimal: ("scale",),
    kinds.Float: ("bits",),
    kinds.Timestamp: ("fsp",),
    kinds.TimestampTz: ("fsp",),
    kinds.Time: ("fsp",),
    kinds.Text: ("fixed",),
    kinds.Bit: ("length", "varying"),
}
"""What the text of a kind's values depends on."""


def _same_form(own: Kind, first: Kind) -> bool:
    form = _FORM.get(type(own))
    return form is not None and all(getattr(own, part) == getattr(first, part) for part in form)

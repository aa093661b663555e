"""The kinds of values a source holds, and how each travels to this target."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from landbridge.census import TableLoss
from landbridge.kinds import BY_VALUE, DOCUMENTS, Other
from landbridge.model import ColumnMap, TableMap, TableName


@dataclass(frozen=True, kw_only=True)
class Travel:
    """native, becomes: types of the source and of the target. lossy: columns of it that arrive with a loss."""

    kind: str
    native: str
    becomes: str
    how: str
    columns: int
    lossy: int


@dataclass(frozen=True, kw_only=True)
class Loss:
    """
    What arrives otherwise than it is, without stopping the plan. where: table and column, or the like. rows: how many
    have such values, None where it is of all of them or nobody counted.
    """

    what: str
    where: tuple[str, ...]
    rows: int | None = None


def told(losses: Iterable[TableLoss]) -> tuple[Loss, ...]:
    """The most frequent first."""
    places: dict[str, list[str]] = {}
    counted: dict[str, list[int | None]] = {}
    for each in losses:
        if not each.loss.blocking and each.loss.touches:
            name = f"{each.table}.{each.loss.column}" if each.loss.column else str(each.table)
            places.setdefault(each.loss.what, []).append(name)
            counted.setdefault(each.loss.what, []).append(each.loss.rows)
    found = [
        Loss(what=what, where=tuple(dict.fromkeys(where)), rows=_sum(counted[what])) for what, where in places.items()
    ]
    return tuple(sorted(found, key=lambda each: (-len(each.where), each.what)))


def _sum(rows: Iterable[int | None]) -> int | None:
    known = [count for count in rows if count is not None]
    return sum(known) if known else None


def travels(tables: Sequence[TableMap], losses: Iterable[TableLoss]) -> tuple[Travel, ...]:
    """The most frequent first, those with a loss before them."""
    lost = {(each.table, each.loss.column) for each in losses if each.loss.part == "column" and each.loss.touches}
    counted: dict[tuple[str, str, str, str], list[bool]] = {}
    for table in tables:
        for pair in table.columns:
            counted.setdefault(_about(pair, table.plain), []).append(_is_lossy(pair, table.source.name, lost))
    found = [
        Travel(kind=kind, native=native, becomes=becomes, how=how, columns=len(those), lossy=sum(those))
        for (kind, native, becomes, how), those in counted.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.lossy, -each.columns, each.kind, each.native)))


def _is_lossy(pair: ColumnMap, table: TableName, lost: set[tuple[TableName, str]]) -> bool:
    return (table, pair.source.name) in lost


def _about(pair: ColumnMap, plain: bool) -> tuple[str, str, str, str]:
    kind = pair.source.kind
    if plain:
        how = "the engine's own text"
    elif isinstance(kind, DOCUMENTS):
        how = "as JSON"
    elif isinstance(kind, Other):
        how = "as text"
    elif isinstance(kind, BY_VALUE):
        how = "canonical text, compared by value"
    else:
        how = "canonical text, compared exactly"
    return kind.tag, _short(pair.source.native), _short(pair.target.native), how


def _short(native: str, limit: int = 60) -> str:
    return native if len(native) <= limit else native[: limit - 1] + "…"

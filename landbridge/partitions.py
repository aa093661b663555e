"""
What the plan says of a table's partitions (kept, made one table, made anew), carried out before the target's engine
adopts it; and what partitions have in common, which the one table gets.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from landbridge import kinds
from landbridge.columns import Shaped
from landbridge.kinds import Loss
from landbridge.model import ForeignKey, Index, Partition, Partitioning, Split, Table

_DAY = r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_MOMENT = rf"{_DAY}(?: [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]{{1,6}})?)?"
_TEXTS = {kinds.Int: r"-?[0-9]+", kinds.Date: _DAY, kinds.Timestamp: _MOMENT, kinds.TimestampTz: rf"{_MOMENT}\+00"}
_IN_HASH = (kinds.Int, kinds.Date, kinds.Timestamp, kinds.Decimal, kinds.Uuid)


@dataclass(frozen=True, kw_only=True)
class Arranged:
    """table: as the rules for columns are to see it. partitioning: what the target is asked for."""

    original: Table
    table: Table
    partitioning: Partitioning | None
    losses: tuple[Loss, ...] = ()

    def finish(self, shaped: Shaped) -> Shaped:
        """The source stays what it is; the target's partitions are by the names that the columns have there."""
        source = replace(
            shaped.source,
            partitioning=self.original.partitioning,
            indexes=self.original.indexes,
            foreign_keys=self.original.foreign_keys,
        )
        wanted = self.partitioning
        if wanted and wanted.split and self.table is not self.original:
            wanted = replace(wanted, split=_renamed(wanted.split, shaped))
        adopted = replace(shaped.adopted, partitioning=wanted)
        return replace(shaped, source=source, adopted=adopted, losses=(*shaped.losses, *self.losses))


def arrange(table: Table, wanted: str, *, plain: bool, referenced: bool) -> Arranged:
    """wanted: of the plan's rule. plain: both sides are of one family. referenced: foreign keys point at the table."""
    found = table.partitioning
    if wanted == "keep" and (plain or found is None):
        return Arranged(original=table, table=table, partitioning=found)
    if wanted in ("keep", "flatten"):
        asked = replace(found, referenced=referenced) if found and wanted == "keep" else None
    else:
        asked = Partitioning(by=wanted, partitions=(), given=True, referenced=referenced)
    lifted, losses = _one_table(table)
    if asked is None and found:
        losses.append(_told("the plan makes one table of its partitions"))
    return Arranged(original=table, table=lifted, partitioning=asked, losses=tuple(losses))


def _renamed(split: Split, shaped: Shaped) -> Split | None:
    names = [shaped.renames.get(name) for name in split.columns]
    return replace(split, columns=tuple(name for name in names if name)) if all(names) else None


def _one_table(table: Table) -> tuple[Table, list[Loss]]:
    """With the indexes and foreign keys that every one of its partitions has; what only some have is a loss."""
    partitions = table.partitioning.partitions if table.partitioning else ()
    names = set(lifted(table).values())
    indexes = [index for part in partitions for index in part.indexes]
    keys = [key for part in partitions for key in part.foreign_keys]
    whole = replace(
        table,
        partitioning=None,
        indexes=(*table.indexes, *(index for index in indexes if index.name in names)),
        foreign_keys=(*table.foreign_keys, *(key for key in keys if key.name in names)),
    )
    why, there = "not all partitions have the like of it, and all rows are in one table", lifted(table)
    losses = [Loss(column=i.name, part="index", what=why, blocking=False) for i in indexes if i.name not in there]
    losses += [Loss(column=k.name, part="foreign key", what=why, blocking=False) for k in keys if k.name not in there]
    if any(part.settings for part in partitions):
        losses.append(_told("the settings of its partitions are left out"))
    return whole, losses


def lifted(table: Table) -> dict[str, str]:
    """
    By the name of an index or a foreign key of a partition, the name of the one that stands for it on the whole table:
    that of the first partition. A unique index is so within its partition only.
    """
    partitions = table.partitioning.partitions if table.partitioning else ()
    above = {part.parent for part in partitions}
    leaves = [part for part in partitions if part.name not in above]
    if not leaves:
        return {}
    first, *others = [dict(_parts(leaf)) for leaf in leaves]
    shared = {meaning for meaning in first if all(meaning in other for other in others)}
    return {each[meaning]: first[meaning] for each in (first, *others) for meaning in each if meaning in shared}


def _parts(partition: Partition) -> Iterator[tuple[Index | ForeignKey, str]]:
    for index in partition.indexes:
        if not index.unique:
            yield replace(index, name=""), index.name
    for key in partition.foreign_keys:
        yield replace(key, name=""), key.name


def unreadable(split: Split, table: Table) -> str:
    """Why another family cannot have these partitions, empty where it can: it must take the values as they are."""
    columns = [table.column(name) for name in split.columns]
    if generated := [column.name for column in columns if column.generated]:
        return f"they are by the generated column {generated[0]}"
    if split.method == "hash":
        odd = [column.name for column in columns if not isinstance(column.kind, _IN_HASH)]
        return f"the type of {odd[0]} has no hash that both sides take" if odd else ""
    kind = columns[0].kind
    if isinstance(kind, kinds.Text) and split.method == "list":
        return ""
    pattern = _TEXTS.get(type(kind))
    if pattern is None:
        return f"the type of {columns[0].name} has another order there, or none"
    values = [v for share in split.shares for v in (share.low, share.high, *share.values) if v is not None]
    odd_values = any(re.fullmatch(pattern, value) is None for value in values)
    return "their bounds are not plain constants" if odd_values else ""


def _told(what: str) -> Loss:
    return Loss(column="", part="table", what=what, blocking=False)

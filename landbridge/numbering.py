"""What a column that counts by itself on the target does not keep of the source's sequence."""

from collections.abc import Iterable, Iterator

from landbridge.census import TableLoss
from landbridge.kinds import Loss
from landbridge.model import Sequence, TableMap

_LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1}


def losses(maps: Iterable[TableMap], sequences: Iterable[Sequence]) -> Iterator[TableLoss]:
    """'auto' has no options: it counts upwards by one, to the end of its type."""
    owned = {each.owned_by: each for each in sequences if each.identity and each.owned_by}
    named = {each.name: each for each in sequences if not each.identity}
    for table in maps:
        for column in table.columns:
            if column.target.identity != "auto" or column.source.identity == "auto":
                continue
            default = column.source.default.sequence if column.source.default else None
            sequence = named.get(default) if default else owned.get((table.source.name, column.source.name))
            if sequence and (lost := ", ".join(_options(sequence))):
                what = f"its numbers are by AUTO_INCREMENT here, in steps of one: not kept are {lost}"
                yield TableLoss(
                    table=table.source.name, loss=Loss(column=column.source.name, what=what, blocking=False)
                )


def _options(sequence: Sequence) -> Iterator[str]:
    if sequence.increment != 1:
        yield f"INCREMENT BY {sequence.increment}"
    if sequence.minimum != 1:
        yield f"MINVALUE {sequence.minimum}"
    if sequence.maximum < _LARGEST.get(sequence.type, 2**63 - 2):
        yield f"MAXVALUE {sequence.maximum}"
    if sequence.cycle:
        yield "CYCLE"

"""Which tables can be carried: a table and its partitions stand or fall together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from landbridge.endpoints.postgres.queries import Row
from landbridge.model import SchemaObject, TableName


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A table or partitioned root with its partitions, parents first: rows of sql/relations.sql."""

    root: Row
    partitions: tuple[Row, ...]

    @property
    def leaves(self) -> tuple[Row, ...]:
        """Where the rows are."""
        return tuple(row for row in (self.root, *self.partitions) if row["kind"] == "r")


def name_of(row: Row) -> TableName:
    return TableName(schema=row["schema"], name=row["name"])


def divide(found: Sequence[Row]) -> tuple[list[Relation], list[SchemaObject]]:
    """The tables that can be carried, and the rest as objects that say by their kind why not."""
    members: dict[int, list[Row]] = {row["oid"]: [] for row in found if row["level"] == 0}
    for row in found:
        if row["level"] > 0:
            members[row["root"]].append(row)
    relations: list[Relation] = []
    others: list[SchemaObject] = []
    for root in (row for row in found if row["level"] == 0):
        family = members[root["oid"]]
        attached = [row for row in family if not row["detaching"]]
        if any(row["kind"] == "f" for row in attached):  # of these nothing is in the log
            others += _refused(root, family, "table with foreign partitions")
        else:
            relations.append(Relation(root=root, partitions=tuple(attached)))
            others += [_object("partition being detached", r, root) for r in family if r["detaching"]]
    return relations, others


def _refused(root: Row, family: Sequence[Row], why: str) -> Iterator[SchemaObject]:
    yield _object(why, root, None)
    for row in family:
        if row["kind"] == "f":
            yield _object("foreign table", row, root)
        else:
            yield _object("partition", row, root)


def _object(kind: str, row: Row, parent: Row | None) -> SchemaObject:
    return SchemaObject(kind=kind, name=name_of(row), parent=name_of(parent) if parent else None)

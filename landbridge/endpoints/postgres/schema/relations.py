"""Which tables can be carried: a table and what inherits from it stand or fall together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from landbridge.endpoints.postgres.queries import Row
from landbridge.model import SchemaObject, TableName


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A table or partitioned root with its partitions: rows of sql/relations.sql."""

    root: Row
    partitions: tuple[Row, ...]


def name_of(row: Row) -> TableName:
    return TableName(schema=row["schema"], name=row["name"])


def divide(found: Sequence[Row]) -> tuple[list[Relation], list[SchemaObject]]:
    """The tables that can be carried, and the rest as objects that say by their kind why not."""
    members: dict[int, list[Row]] = {row["oid"]: [] for row in found if row["level"] == 0}
    for row in found:
        if row["level"] > 0:
            members[row["root"]].append(row)
    children = {row["oid"] for row in found if row["level"] > 0 and not row["is_partition"]}
    relations: list[Relation] = []
    others: list[SchemaObject] = []
    for root in (row for row in found if row["level"] == 0):
        family = members[root["oid"]]
        why = _why_not(root, family, children)
        if why:
            others += _refused(root, family, why)
        else:
            relations.append(Relation(root=root, partitions=tuple(r for r in family if not r["detaching"])))
            others += [_object("partition being detached", r, root) for r in family if r["detaching"]]
    return relations, others


def _why_not(root: Row, family: Sequence[Row], children: set[int]) -> str | None:
    """
    Unlogged tables are not in the log. A parent that is read shows its children's rows too, so a copy would hold them
    twice. Foreign partitions are not in the log either, and the model has one level of partitions.
    """
    attached = [row for row in family if not row["detaching"]]
    reasons = {
        "unlogged table": root["unlogged"] and root["kind"] == "r",
        "inherited table": root["oid"] in children,
        "table with children": any(not row["is_partition"] for row in attached),
        "table with unlogged partitions": any(row["unlogged"] and row["kind"] == "r" for row in attached),
        "table with foreign partitions": any(row["kind"] == "f" for row in attached),
        "sub-partitioned table": any(row["kind"] == "p" for row in attached),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def _refused(root: Row, family: Sequence[Row], why: str) -> Iterator[SchemaObject]:
    yield _object(why, root, None)
    for row in family:
        if row["kind"] == "f":
            yield _object("foreign table", row, root)
        elif row["is_partition"]:
            yield _object("unlogged table" if row["unlogged"] else "partition", row, root)


def _object(kind: str, row: Row, parent: Row | None) -> SchemaObject:
    return SchemaObject(kind=kind, name=name_of(row), parent=name_of(parent) if parent else None)

"""Keys, indexes, checks and foreign keys of tables and partitions; what the model cannot hold becomes an object."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from landbridge.endpoints.postgres.names import qualified, quote
from landbridge.endpoints.postgres.queries import Row, rows
from landbridge.endpoints.postgres.schema.indexes import index_of
from landbridge.model import Check, ForeignKey, Index, Key, SchemaObject, TableName

_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_SET_COLUMNS = re.compile(r"\bON DELETE SET (?:NULL|DEFAULT) \(")


@dataclass(kw_only=True)
class Constraints:
    """By the table's or partition's oid."""

    names: Mapping[int, TableName]
    roots: frozenset[int]
    primary_keys: dict[int, Key] = field(default_factory=dict)
    indexes: dict[int, list[Index]] = field(default_factory=lambda: defaultdict(list))
    foreign_keys: dict[int, list[ForeignKey]] = field(default_factory=lambda: defaultdict(list))
    checks: dict[int, list[Check]] = field(default_factory=lambda: defaultdict(list))
    others: list[SchemaObject] = field(default_factory=list)

    def set_aside(self, kind: str, row: Row) -> None:
        parent = self.names[row["table"]]
        name = TableName(schema=parent.schema, name=row["name"])
        definition = row["constraint_definition"]
        add = f"ALTER TABLE {qualified(parent)} ADD CONSTRAINT {quote(row['name'])} {definition}"
        self.others.append(SchemaObject(kind=kind, name=name, parent=parent, definition=(add,) if definition else ()))


def read(cursor: Any, names: Mapping[int, TableName], roots: frozenset[int]) -> Constraints:
    """`names`: all tables and partitions by oid; `roots`: those of them that are no partitions."""
    found = Constraints(names=names, roots=roots)
    for row in rows(cursor, "indexes", tables=list(names)):
        _take_index(found, row)
    for row in rows(cursor, "constraints", tables=list(names)):
        if row["type"] == "f":
            _take_foreign_key(found, row)
        else:
            _take_check(found, row)
    return found


def _take_index(found: Constraints, row: Row) -> None:
    if row["exclusion"]:
        # Since version 18 a primary or unique key may be temporal: it is kept by an exclusion too.
        found.set_aside("exclusion constraint", row)
    elif not row["valid"]:
        found.set_aside("invalid index", row)
    elif not row["primary"]:
        found.indexes[row["table"]].append(index_of(row))
    elif row["table"] not in found.roots:
        found.set_aside("primary key of a partition", row)
    else:
        found.primary_keys[row["table"]] = Key(
            name=row["name"],
            columns=tuple(row["columns"][: row["parts"]]),
            include=tuple(row["columns"][row["parts"] :]),
            deferrable=row["deferrable"],
            deferred=row["deferred"],
        )
        if row["deferrable"]:
            found.set_aside("deferrable primary key", row)  # another family has none


def _take_check(found: Constraints, row: Row) -> None:
    if not row["valid"]:
        # Rows may break it, and the target would refuse them.
        found.set_aside("unproven check constraint" if row["type"] == "c" else "unproven not null", row)
    elif row["table"] not in found.roots:
        found.set_aside("check constraint of a partition", row)
    else:
        found.checks[row["table"]].append(_check(row))


def _check(row: Row) -> Check:
    return Check(name=row["name"], expression=row["expression"], alone=row["alone"])


def _take_foreign_key(found: Constraints, row: Row) -> None:
    if not row["valid"]:
        found.set_aside("unproven foreign key", row)
    elif row["temporal"]:
        found.set_aside("temporal foreign key", row)
    elif _SET_COLUMNS.search(row["constraint_definition"]):
        found.set_aside("foreign key that sets some columns", row)
    else:
        found.foreign_keys[row["table"]].append(_foreign_key(row))
        if row["match_full"] and len(row["columns"]) > 1:
            found.set_aside("match full of a foreign key", row)  # another family has none


def _foreign_key(row: Row) -> ForeignKey:
    return ForeignKey(
        name=row["name"],
        columns=tuple(row["columns"]),
        target=TableName(schema=row["target_schema"], name=row["target_name"]),
        target_columns=tuple(row["target_columns"]),
        on_delete=_ACTIONS[row["on_delete"]],
        on_update=_ACTIONS[row["on_update"]],
        deferrable=row["deferrable"],
        deferred=row["deferred"],
        full=row["match_full"] and len(row["columns"]) > 1,
    )

"""What a database holds, read from its catalog by a handful of set-based queries (versions 14 to 18)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from landbridge import kinds
from landbridge.endpoints.postgres import FAMILY
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.counters import last_used
from landbridge.endpoints.postgres.kinds import kind_of, named_kinds
from landbridge.endpoints.postgres.names import qualified
from landbridge.endpoints.postgres.queries import Row, reading, rows
from landbridge.endpoints.postgres.schema import afterwards, clauses, constraints, defaults, listing, partitions
from landbridge.endpoints.postgres.schema.dependencies import Dependencies, Node
from landbridge.endpoints.postgres.schema.relations import Relation, divide, name_of
from landbridge.kinds import Kind
from landbridge.model import (
    Catalog,
    Column,
    Generated,
    NamedType,
    Partition,
    Partitioning,
    SchemaObject,
    Sequence,
    Table,
    TableName,
)

_IDENTITY: dict[str, Literal["always", "default"]] = {"a": "always", "d": "default"}
BODIES_UNSEEN = ("SET check_function_bodies = off",)
"""What a routine's body names may come after the routine."""

_WEAKEST_FIRST: tuple[Literal["none", "key", "full"], ...] = ("none", "key", "full")


class Describer:
    def __init__(self, database: Database) -> None:
        self._database = database

    def schemas(self) -> tuple[str, ...]:
        with reading(self._database) as cursor:
            return tuple(row["nspname"] for row in rows(cursor, "schemas"))

    def describe(self, schemas: Collection[str]) -> Catalog:
        """
        Tables that cannot be carried whole (partitioned into foreign tables) are among `others`, as is everything a
        table has that the model has no place for. Types and sequences that the tables use from other schemas are
        described too.
        """
        with reading(self._database) as cursor:
            return _Reading(cursor, sorted(set(schemas))).catalog()

    def table(self, name: TableName) -> Table | None:
        """One table as it is now."""
        with reading(self._database) as cursor:
            return _Reading(cursor, [name.schema]).table(name)


class _Reading:
    """One describe(): `others` grows as things are met that the model has no place for."""

    def __init__(self, cursor: Any, schemas: list[str]) -> None:
        self._cursor = cursor
        self._schemas = schemas
        self._others: list[SchemaObject] = []

    def catalog(self) -> Catalog:
        relations, refused = divide(rows(self._cursor, "relations", schemas=self._schemas))
        self._others += refused
        roots = [relation.root["oid"] for relation in relations]
        tables = self._tables(relations, roots)
        sequences = self._sequences(roots)
        types, late = self._beside(self._types(roots))
        self._differences(relations)
        apart = list(afterwards.set_aside(tables, late))
        self._others += [found for _, objects in apart for found in objects]
        self._cursor.execute("show server_version")
        return Catalog(
            family=FAMILY,
            version=self._cursor.fetchone()["server_version"].split()[0],
            tables=tuple(sorted((table for table, _ in apart), key=lambda table: table.name)),
            sequences=tuple(sequences),
            types=tuple(types.values()),
            others=tuple(sorted(set(self._others), key=lambda it: (it.kind, it.name, str(it.parent or "")))),
        )

    def table(self, name: TableName) -> Table | None:
        relations, _ = divide(rows(self._cursor, "relations", schemas=self._schemas))
        wanted = [each for each in relations if name_of(each.root) == name]
        return next(iter(self._tables(wanted, [each.root["oid"] for each in wanted])), None)

    def _tables(self, relations: list[Relation], roots: list[int]) -> list[Table]:
        columns = _by_table(rows(self._cursor, "columns", tables=roots))
        named = named_kinds(rows(self._cursor, "named_types"))
        names = {row["oid"]: name_of(row) for row in _members(relations)}
        owned = constraints.read(self._cursor, names, frozenset(roots))
        self._others += owned.others
        settings = _by_table(listing.settings(self._cursor, names))
        return [_table(relation, columns[relation.root["oid"]], named, owned, settings) for relation in relations]

    def _sequences(self, tables: list[int]) -> list[Sequence]:
        found = rows(self._cursor, "sequences", schemas=self._schemas, tables=tables)
        last = last_used(self._cursor, [row for row in found if row["readable"]])
        self._others += [
            SchemaObject(kind="unreadable sequence", name=name_of(row)) for row in found if not row["readable"]
        ]
        return [_sequence(row, last.get(row["oid"])) for row in found]

    def _types(self, tables: list[int]) -> dict[Node, NamedType]:
        found = rows(self._cursor, "types", schemas=self._schemas, tables=tables)
        self._others += [
            SchemaObject(
                kind="unproven check of a domain",
                name=TableName(schema=row["schema"], name=check),
                definition=(f"ALTER DOMAIN {qualified(name_of(row))} ADD {constraint}",),
                needs=(name_of(row),),
            )
            for row in found
            for check, constraint in row["unproven"]
        ]
        return {_node(row): _named_type(row) for row in found}

    def _beside(self, types: dict[Node, NamedType]) -> tuple[dict[Node, NamedType], set[TableName]]:
        """
        Whatever else there is. A domain that rests on such an object is made as one, not with the other types; the
        types that are left, and what can come after the tables only though they use it.
        """
        listed = listing.read(self._cursor, self._schemas)
        needed = Dependencies(self._cursor, {_node(row): name_of(row) for row in listed if row["oid"]})
        resting = {node: found for node, found in types.items() if needed.rests_on_objects(node)}
        self._others += [_domain(found, needed.needs(node)) for node, found in resting.items()]
        early = needed.early(listed)
        self._others += [_listed(row, needed.needs(_node(row)), _node(row) in early) for row in listed]
        return {node: found for node, found in types.items() if node not in resting}, needed.late(early)

    def _differences(self, relations: list[Relation]) -> None:
        pairs = [(row["oid"], parent) for row in _members(relations) for parent in row["parents"]]
        differing = rows(
            self._cursor, "partition_differences", partitions=[p for p, _ in pairs], roots=[r for _, r in pairs]
        )
        for row in differing:
            parent = TableName(schema=row["schema"], name=row["table"])
            found = SchemaObject(kind=row["kind"], name=name_of(row), parent=parent, definition=(row["definition"],))
            self._others.append(found)


def _node(row: Row) -> Node:
    return row["classid"], row["oid"]


def _listed(row: Row, needs: tuple[TableName, ...], early: bool) -> SchemaObject:
    parent = TableName(schema=row["parent_schema"], name=row["parent_name"]) if row["parent_name"] else None
    definition = tuple(row["definition"])
    session = BODIES_UNSEEN if row["kind"] in ("function", "procedure") else ()
    return SchemaObject(
        kind=row["kind"], name=name_of(row), parent=parent, definition=definition, session=session, needs=needs,
        early=early,
    )  # fmt: skip


def _domain(found: NamedType, needs: tuple[TableName, ...]) -> SchemaObject:
    definition = [clauses.create_type(found, found.definition)]
    if found.comment:
        definition.append(clauses.comment(f"DOMAIN {qualified(found.name)}", found.comment))
    return SchemaObject(kind="domain", name=found.name, definition=tuple(definition), needs=needs, early=True)


def _members(relations: Iterable[Relation]) -> Iterable[Row]:
    return (row for relation in relations for row in (relation.root, *relation.partitions))


def _by_table(found: Iterable[Row]) -> dict[int, list[Row]]:
    grouped: dict[int, list[Row]] = defaultdict(list)
    for row in found:
        grouped[row["table"]].append(row)
    return grouped


def _table(
    relation: Relation,
    columns: list[Row],
    named: Mapping[str, Kind],
    owned: constraints.Constraints,
    settings: Mapping[int, list[Row]],
) -> Table:
    root = relation.root
    oid = root["oid"]
    return Table(
        name=name_of(root),
        columns=tuple(_column(row, named) for row in columns),
        primary_key=owned.primary_keys.get(oid),
        indexes=tuple(owned.indexes[oid]),
        foreign_keys=tuple(owned.foreign_keys[oid]),
        checks=tuple(owned.checks[oid]),
        comment=root["comment"],
        partitioning=_partitioning(relation, owned, settings),
        old_image=_old_image(relation, has_key=oid in owned.primary_keys),
        inherits=tuple(TableName(schema=schema, name=name) for schema, name in root["inherits"]),
        settings=_clauses(settings, oid),
        rows=sum(row["rows"] for row in relation.leaves),
        bytes=sum(row["bytes"] for row in relation.leaves),
    )


def _clauses(settings: Mapping[int, list[Row]], oid: int) -> tuple[str, ...]:
    return tuple(row["clause"] for row in settings.get(oid, ()))


def _old_image(relation: Relation, has_key: bool) -> Literal["full", "key", "none"]:
    """
    The partitions decide what is written to the log and the root what a stream through it says it is: the weakest holds
    for both. An identity that is not the key is of no use to a table that is followed by its key, nor to one without.
    """
    images = {row["identity"] for row in (relation.root, *relation.leaves)}
    weakest = next(image for image in _WEAKEST_FIRST if image in images)
    return "none" if weakest == "key" and not has_key else weakest


def _partitioning(
    relation: Relation, owned: constraints.Constraints, settings: Mapping[int, list[Row]]
) -> Partitioning | None:
    if relation.root["kind"] != "p":
        return None
    by: str = relation.root["partitioned_by"]
    found = tuple(
        Partition(
            name=name_of(row),
            bound=row["bound"],
            by=row["partitioned_by"] or "",
            parent=_parent(row, relation.root),
            settings=_clauses(settings, row["oid"]),
            indexes=tuple(owned.indexes[row["oid"]]),
            foreign_keys=tuple(owned.foreign_keys[row["oid"]]),
        )
        for row in relation.partitions
    )
    return Partitioning(by=by, partitions=found, split=partitions.split(by, found))


def _parent(row: Row, root: Row) -> TableName | None:
    parent = TableName(schema=row["parent_schema"], name=row["parent_name"])
    return parent if parent != name_of(root) else None


def _column(row: Row, named: Mapping[str, Kind]) -> Column:
    kind = kind_of(row["base"], named)
    if isinstance(kind, kinds.Other):
        kind = kinds.Other(native=row["native"])
    sequence = TableName(schema=row["sequence_schema"], name=row["sequence_name"]) if row["sequence_name"] else None
    expression, generated = row["expression"], row["generated"]
    return Column(
        name=row["name"],
        kind=kind,
        native=row["native"],
        nullable=row["nullable"],
        default=defaults.recognise(expression, kind, sequence) if expression and not generated else None,
        generated=Generated(expression=expression, stored=generated == "s") if generated else None,
        identity=_IDENTITY.get(row["identity"]),
        collation=row["collation"],
        comment=row["comment"],
        inherited=row["inherited"],
        number=row["number"],
    )


def _sequence(row: Row, last: int | None) -> Sequence:
    owner = TableName(schema=row["owner_schema"], name=row["owner_table"]) if row["owner_column"] else None
    return Sequence(
        name=name_of(row),
        type=row["type"],
        start=row["start"],
        increment=row["increment"],
        minimum=row["minimum"],
        maximum=row["maximum"],
        cache=row["cache"],
        cycle=row["cycle"],
        last_value=last,
        owned_by=(owner, row["owner_column"]) if owner else None,
        identity=row["identity"],
    )


def _named_type(row: Row) -> NamedType:
    if not row["is_domain"]:
        return NamedType(name=name_of(row), labels=tuple(row["labels"] or ()), comment=row["comment"])
    clauses = [row["base"]]
    clauses += [f"COLLATE {row['collation']}"] if row["collation"] else []
    clauses += [f"DEFAULT {row['default']}"] if row["default"] else []
    clauses += ["NOT NULL"] if row["not_null"] else []
    return NamedType(name=name_of(row), definition=" ".join([*clauses, *row["checks"]]), comment=row["comment"])

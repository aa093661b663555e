"""The SQL of each kind of object, from its neutral description."""

from collections.abc import Mapping
from dataclasses import replace

from landbridge.endpoints.postgres.names import literal, qualified, quote, quote_all
from landbridge.model import Column, ForeignKey, Index, IndexPart, NamedType, Partition, Sequence, Table, TableName

Identities = Mapping[tuple[TableName, str], Sequence]
"""The sequences of identity columns, by table and column."""


def create_type(named: NamedType, definition: str) -> str:
    """definition: a domain's, with its references renamed."""
    if definition:
        return f"CREATE DOMAIN {qualified(named.name)} AS {definition}"
    return f"CREATE TYPE {qualified(named.name)} AS ENUM ({', '.join(map(literal, named.labels))})"


def create_sequence(sequence: Sequence) -> str:
    return f"CREATE SEQUENCE {qualified(sequence.name)} AS {_integer(sequence)} {_options(sequence)}"


def _integer(sequence: Sequence) -> str:
    return sequence.type if sequence.type in ("smallint", "integer") else "bigint"


def _options(sequence: Sequence) -> str:
    return (
        f"INCREMENT BY {sequence.increment} MINVALUE {sequence.minimum} MAXVALUE {sequence.maximum}"
        f" START WITH {sequence.start} CACHE {sequence.cache} {'CYCLE' if sequence.cycle else 'NO CYCLE'}"
    )


def declared(table: Table, tables: Mapping[TableName, Table]) -> Table:
    """The table without what it has from those that it inherits from anyway."""
    above = [column for name in table.inherits if name in tables for column in tables[name].columns]
    filled = {column.name for column in above if not column.nullable}
    columns = (replace(c, nullable=True) if c.name in filled else c for c in table.columns if not c.inherited)
    return replace(table, columns=tuple(columns))


def create_table(table: Table, identities: Identities) -> str:
    elements = [define(table.name, column, identities) for column in table.columns]
    if table.primary_key:
        key = table.primary_key
        primary = f"CONSTRAINT {quote(key.name)} PRIMARY KEY ({quote_all(key.columns)})"
        elements.append(primary + _include(key.include) + _deferred(key.deferrable, key.deferred))
    elements += [
        f"CONSTRAINT {quote(check.name)} CHECK ({check.expression})" + (" NO INHERIT" if check.alone else "")
        for check in table.checks
    ]
    inherits = f" INHERITS ({', '.join(map(qualified, table.inherits))})" if table.inherits else ""
    partitioned = f" PARTITION BY {table.partitioning.by}" if table.partitioning else ""
    return f"CREATE TABLE {qualified(table.name)} (\n  " + ",\n  ".join(elements) + f"\n){inherits}{partitioned}"


def _deferred(deferrable: bool, deferred: bool) -> str:
    return (" DEFERRABLE" if deferrable else "") + (" INITIALLY DEFERRED" if deferred else "")


def change_table(table: TableName, clause: str) -> str:
    return f"ALTER TABLE {qualified(table)} {clause}"


def define(table: TableName, column: Column, identities: Identities) -> str:
    clauses = [quote(column.name), column.native]
    if column.collation:
        clauses.append(f"COLLATE {column.collation}")
    if column.generated:
        kept = "STORED" if column.generated.stored else "VIRTUAL"
        clauses.append(f"GENERATED ALWAYS AS ({column.generated.expression}) {kept}")
    elif column.identity:
        clauses.append(_identity(table, column, identities.get((table, column.name))))
    elif column.default:
        clauses.append(f"DEFAULT {column.default.native}")
    if not column.nullable:
        clauses.append("NOT NULL")
    return " ".join(clauses)


def _identity(table: TableName, column: Column, sequence: Sequence | None) -> str:
    how = "ALWAYS" if column.identity == "always" else "BY DEFAULT"
    if sequence is None:
        return f"GENERATED {how} AS IDENTITY"
    # A sequence must be in the schema of its table.
    name = f"SEQUENCE NAME {qualified(sequence.name)} " if sequence.name.schema == table.schema else ""
    return f"GENERATED {how} AS IDENTITY ({name}{_options(sequence)})"


def create_partition(root: TableName, partition: Partition) -> str:
    """root: of all its partitions."""
    parent, by = partition.parent or root, f" PARTITION BY {partition.by}" if partition.by else ""
    return f"CREATE TABLE {qualified(partition.name)} PARTITION OF {qualified(parent)} {partition.bound}{by}"


def own_sequence(sequence: TableName, table: TableName, column: str) -> str:
    return f"ALTER SEQUENCE {qualified(sequence)} OWNED BY {qualified(table)}.{quote(column)}"


def create_index(table: TableName, index: Index) -> str:
    """A unique constraint or an index. On a partitioned table it is made on every partition too."""
    if index.constraint:
        columns = quote_all(tuple(part.column or "" for part in index.parts))
        kept = _with(index) + _deferred(index.deferrable, index.deferred)
        distinct = "" if index.nulls_distinct else " NULLS NOT DISTINCT"
        add = f"ALTER TABLE {qualified(table)} ADD CONSTRAINT {quote(index.name)}"
        return f"{add} UNIQUE{distinct} ({columns}){_include(index.include)}{kept}"
    unique = "UNIQUE " if index.unique else ""
    parts = ", ".join(map(_part, index.parts))
    where = f" WHERE ({index.where})" if index.where else ""
    distinct = "" if index.nulls_distinct else " NULLS NOT DISTINCT"
    head = f"CREATE {unique}INDEX {quote(index.name)} ON {qualified(table)} USING {quote(index.method)}"
    return f"{head} ({parts}){_include(index.include)}{distinct}{_with(index)}{where}"


def _part(part: IndexPart) -> str:
    return part.native


def _include(columns: tuple[str, ...]) -> str:
    return f" INCLUDE ({quote_all(columns)})" if columns else ""


def _with(index: Index) -> str:
    return f" WITH ({', '.join(index.settings)})" if index.settings else ""


def add_foreign_key(table: TableName, key: ForeignKey, *, proven: bool) -> str:
    kept = _deferred(key.deferrable, key.deferred)
    match = " MATCH FULL" if key.full else ""
    return (
        f"ALTER TABLE {qualified(table)} ADD CONSTRAINT {quote(key.name)} FOREIGN KEY ({quote_all(key.columns)})"
        f" REFERENCES {qualified(key.target)} ({quote_all(key.target_columns)}){match}"
        f" ON DELETE {key.on_delete} ON UPDATE {key.on_update}{kept}" + ("" if proven else " NOT VALID")
    )


def validate(table: TableName, constraint: str) -> str:
    return f"ALTER TABLE {qualified(table)} VALIDATE CONSTRAINT {quote(constraint)}"


def comment(on: str, text: str) -> str:
    return f"COMMENT ON {on} IS {literal(text)}"

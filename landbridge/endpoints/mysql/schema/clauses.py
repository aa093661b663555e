"""The SQL of each kind of object: from its own text where it comes from the family, else from neutral words."""

import re

from landbridge.endpoints.mysql.kinds import quote as literal
from landbridge.endpoints.mysql.names import qualified, quote, quote_all
from landbridge.endpoints.mysql.schema import definition
from landbridge.model import Column, ForeignKey, Index, IndexPart, Sequence, Table, TableName

_COUNTS = re.compile(r" AUTO_INCREMENT\b", re.IGNORECASE)
_BIGGEST = 2**63 - 2
"""MariaDB keeps the outermost numbers to itself (manual, "CREATE SEQUENCE")."""


def create_schema(name: str, charset: str) -> str:
    return f"CREATE DATABASE IF NOT EXISTS {quote(name)} CHARACTER SET {charset}"


def create_sequence(sequence: Sequence) -> str:
    low, high = max(sequence.minimum, -_BIGGEST), min(sequence.maximum, _BIGGEST)
    cache = f"CACHE {sequence.cache}" if sequence.cache > 1 else "NOCACHE"
    return (
        f"CREATE SEQUENCE {qualified(sequence.name)} START WITH {sequence.start} MINVALUE {low} MAXVALUE {high}"
        f" INCREMENT BY {sequence.increment} {cache} {'CYCLE' if sequence.cycle else 'NOCYCLE'}"
    )


def create_table(table: Table) -> str:
    """
    With its primary key and checks. The counter of a column that the primary key does not begin with needs an index:
    one that is not unique comes with the table, a unique one comes with the counter later (`add_index`).
    """
    text = texts(table)
    columns = dict(text.columns)
    counter = counting(table)
    if counter and not early_index(table) and not leads(table, counter):
        columns[counter] = _COUNTS.sub("", columns[counter], count=1)
    early = early_index(table)
    elements = [
        *columns.values(),
        *text.others,
        *((text.primary_key,) if text.primary_key else ()),
        *((text.keys[early.name],) if early else ()),
        *text.checks.values(),
    ]
    return f"CREATE TABLE {qualified(table.name)} (\n  " + ",\n  ".join(elements) + f"\n) {text.elements[-1]}"


def add_index(table: Table, index: Index) -> str:
    text = texts(table)
    counter = counting(table)
    add = f"ALTER TABLE {qualified(table.name)} ADD {text.keys[index.name]}"
    if counter and index == _counted_by(table, unique=True) and not leads(table, counter) and not early_index(table):
        add += f", MODIFY COLUMN {text.columns[counter]}"
    # Built while rows are written, it fails on values that change places within one statement.
    return f"{add}, LOCK=SHARED" if index.unique else add


def counting(table: Table) -> str | None:
    return next((column.name for column in table.columns if column.identity), None)


def leads(table: Table, column: str) -> bool:
    """Whether the primary key begins with the column."""
    return table.primary_key is not None and table.primary_key.columns[0] == column


def early_index(table: Table) -> Index | None:
    """The index, not unique, that has to come with the table."""
    counter = counting(table)
    return None if counter is None or leads(table, counter) else _counted_by(table, unique=False)


def _counted_by(table: Table, *, unique: bool) -> Index | None:
    counter = counting(table)
    fitting = (i for i in table.indexes if i.unique == unique and i.parts[0].column == counter)
    return next(fitting, None)


def texts(table: Table) -> definition.Definition:
    """The table's definition: its own, or one made of neutral words."""
    if table.definition:
        return definition.parse(table.definition)
    key = f"PRIMARY KEY ({quote_all(table.primary_key.columns)})" if table.primary_key else ""
    collations = (column.collation for column in table.columns)
    usual = next((name for name in collations if name and name.startswith("utf8mb4")), None)
    options = [("ENGINE", "InnoDB"), ("CHARSET", "utf8mb4"), *([("COLLATE", usual)] if usual else [])]
    if table.comment:
        options.append(("COMMENT", literal(table.comment)))
    partitioning = f"PARTITION BY {table.partitioning.by}" if table.partitioning else ""
    return definition.Definition(
        columns={each.name: column(each, usual) for each in table.columns},
        primary_key=key,
        keys={each.name: index(each) for each in table.indexes},
        checks={c.name: f"CONSTRAINT {quote(c.name)} CHECK ({c.expression})" for c in table.checks},
        others=(),
        options=tuple(options),
        partitioning=partitioning,
    )


def column(described: Column, inherited: str | None) -> str:
    """
    The default's text stands as it is: expressions bring their parentheses along. inherited: the table's collation.
    """
    clauses = [quote(described.name), described.native]
    if described.collation and described.collation != inherited:
        clauses.append(f"CHARACTER SET {described.collation.partition('_')[0]} COLLATE {described.collation}")
    if described.generated:
        kept = "STORED" if described.generated.stored else "VIRTUAL"
        clauses.append(f"GENERATED ALWAYS AS ({described.generated.expression}) {kept}")
    if not described.nullable:
        clauses.append("NOT NULL")
    elif not described.generated:
        clauses.append("NULL")
    if described.identity:
        clauses.append("AUTO_INCREMENT")
    elif described.default:
        clauses.append(f"DEFAULT {described.default.native}")
    if described.comment:
        clauses.append(f"COMMENT {literal(described.comment)}")
    return " ".join(clauses)


def index(described: Index) -> str:
    special = {"fulltext": "FULLTEXT ", "spatial": "SPATIAL "}
    kind = special.get(described.method, "UNIQUE " * described.unique)
    comment = f" COMMENT {literal(described.comment)}" if described.comment else ""
    return f"{kind}KEY {quote(described.name)} ({','.join(map(_part, described.parts))}){comment}"


def _part(part: IndexPart) -> str:
    text = quote(part.column) if part.column else f"({part.expression})"
    return text + (f"({part.prefix})" if part.prefix else "") + " DESC" * part.descending


def add_foreign_key(table: TableName, key: ForeignKey, *, mariadb: bool) -> str:
    """An action that is the server's default is not written, so that it is not printed either."""
    silent = "RESTRICT" if mariadb else "NO ACTION"
    deleted = "" if key.on_delete == silent else f" ON DELETE {key.on_delete}"
    updated = "" if key.on_update == silent else f" ON UPDATE {key.on_update}"
    return (
        f"ALTER TABLE {qualified(table)} ADD CONSTRAINT {quote(key.name)} FOREIGN KEY ({quote_all(key.columns)})"
        f" REFERENCES {qualified(key.target)} ({quote_all(key.target_columns)}){deleted}{updated}"
    )

"""
Following alterations that the stream does not tell of. A relation message says what a table's columns are from here on;
the catalog, which may be further, says which column is which (by its number) and what a new one holds in older rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from landbridge.endpoints.altering import Drift, Follow
from landbridge.endpoints.postgres.kinds import kind_of
from landbridge.endpoints.postgres.log.pgoutput import Relation
from landbridge.endpoints.postgres.log.shape import types
from landbridge.endpoints.postgres.names import qualified
from landbridge.errors import SchemaDrift
from landbridge.kinds import Other
from landbridge.model import Column, Position, Table, TableMap, TableName

_MISSING = """
select attname, (attmissingval::pg_catalog.text::pg_catalog.text[])[1] from pg_catalog.pg_attribute
where attrelid = pg_catalog.to_regclass(%s) and atthasmissing"""

_NOW = """
select n.nspname, c.relname,
    array(
        select a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
            || case when a.attnotnull then ' not null' else '' end
            || coalesce(' ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid), '')
        from pg_catalog.pg_attribute a
        left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum
    ),
    array(
        select x.relname::pg_catalog.text from pg_catalog.pg_index i
        join pg_catalog.pg_class x on x.oid = i.indexrelid and i.indisvalid and not i.indisprimary
        where i.indrelid = c.oid
    )
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = any (
    select pg_catalog.to_regclass(name)::pg_catalog.oid from unnest(%s::pg_catalog.text[]) as t (name)
)"""

_SPELLED = {"t": "1", "f": "0"}
"""How the server prints what canonical text has otherwise."""


@dataclass(frozen=True, kw_only=True)
class Drifts:
    """side: an ordinary connection to the source. describe: a table as the catalog has it now."""

    side: Any
    follow: Follow
    describe: Callable[[TableName], Table | None]

    def taken(self, table: TableMap, relation: Relation | None, position: Position) -> TableMap:
        """
        The table's new shape: that of the relation message, or that of the catalog where there is none. Raises
        SchemaDrift where the two cannot be brought together.
        """
        now = self.describe(table.source.name)
        if now is None or table.source.partitioning is not None:
            raise _unknown(table, "it is partitioned" if now else "it is gone")
        changed = now if relation is None else self._as_told(table, relation, now)
        if relation is None and _alike(changed, table.source):
            return table
        before = {column.number: column.name for column in table.source.columns if column.number}
        renamed = {
            before[column.number]: column.name
            for column in changed.columns
            if before.get(column.number, column.name) != column.name
        }
        return self.follow(
            Drift(
                position=position, table=table.number, statement=_told(table.source, changed, renamed),
                changed=changed, renamed=renamed, obstacle=next(self._obstacles(table.source, changed), ""),
            )
        )  # fmt: skip

    def _as_told(self, table: TableMap, relation: Relation, now: Table) -> Table:
        natives = dict(zip((c.name for c in relation.columns), types(self.side, relation), strict=True))
        catalog = {column.name: column for column in now.columns}
        known = {column.name: column for column in table.source.columns}
        columns = []
        for name, native in natives.items():
            found = next((c[name] for c in (catalog, known) if name in c and c[name].native == native), None)
            found = found or _typed(catalog.get(name) or known.get(name), native)
            if found is None:
                raise _unknown(table, f"{name} {native} was altered again")
            columns.append(found)
        names = natives.keys() | {column.name for column in now.columns if column.generated}
        columns += [column for column in now.columns if column.generated and column.name not in natives]
        ahead = {column.name for column in now.columns} != names
        key = table.source.primary_key if ahead else now.primary_key
        return replace(
            now, columns=tuple(columns), primary_key=key, old_image=table.source.old_image,
            indexes=tuple(i for i in now.indexes if all(part.column in names for part in i.parts)),
        )  # fmt: skip

    def _obstacles(self, old: Table, new: Table) -> Iterator[str]:
        """The default of the catalog may be a later one than what the rows that were there have got."""
        known = {column.name for column in old.columns} | {column.number for column in old.columns if column.number}
        with self.side.cursor() as cursor:
            cursor.execute(_MISSING, (qualified(new.name),))
            missing = dict(cursor.fetchall())
        for column in new.columns:
            if column.name in known or column.number in known or column.default is None:
                continue
            held = missing.get(column.name)
            if column.default.literal not in (held, _SPELLED.get(held or "")):
                yield f"what the new column {column.name} holds in older rows is not its default of now"

    def shapes(self, tables: Sequence[TableMap]) -> dict[TableName, tuple[str, ...]]:
        """What the catalog says now; where it says the same again, nothing was altered."""
        with self.side.cursor() as cursor:
            cursor.execute(_NOW, ([qualified(table.source.name) for table in tables],))
            return {
                TableName(schema=schema, name=name): (*columns, *sorted(indexes))
                for schema, name, columns, indexes in cursor.fetchall()
            }


def recorded(table: Table) -> tuple[str, ...]:
    """What `shapes` says of a table that is as it was described."""
    columns = []
    for column in table.columns:
        expression = column.generated.expression if column.generated else column.default and column.default.native
        told = f" {expression}" if expression else ""
        columns.append(f"{column.name} {column.native}{'' if column.nullable else ' not null'}{told}")
    return (*columns, *sorted(index.name for index in table.indexes))


def _typed(column: Column | None, native: str) -> Column | None:
    """A column that has another type by now."""
    kind = kind_of(native)
    return None if column is None or isinstance(kind, Other) else replace(column, native=native, kind=kind)


def _alike(now: Table, known: Table) -> bool:
    """But for what is measured, and for who may change what."""
    return replace(now, rows=known.rows, bytes=known.bytes, old_image=known.old_image) == known


def _told(old: Table, new: Table, renamed: dict[str, str]) -> str:
    """The statement that may have done it."""
    before = {renamed.get(column.name, column.name): column for column in old.columns}
    now = {column.name: column for column in new.columns}
    parts = [f"RENAME COLUMN {was} TO {name}" for was, name in renamed.items()]
    parts += [f"DROP COLUMN {name}" for name in before if name not in now]
    had, has = {index.name for index in old.indexes}, {index.name for index in new.indexes}
    parts += [f"ADD INDEX {name}" for name in sorted(has - had)] + [f"DROP INDEX {name}" for name in sorted(had - has)]
    parts += [f"ADD COLUMN {_declared(column)}" for name, column in now.items() if name not in before]
    parts += [
        f"ALTER COLUMN {name} TYPE {column.native}"
        for name, column in now.items()
        if name in before and before[name].native != column.native
    ]
    return f"ALTER TABLE {old.name} {', '.join(parts) or '...'}"


def _declared(column: Column) -> str:
    default = f" DEFAULT {column.default.native}" if column.default else ""
    return f"{column.name} {column.native}{default}{'' if column.nullable else ' NOT NULL'}"


def _unknown(table: TableMap, why: str) -> SchemaDrift:
    return SchemaDrift(
        f"{table.source.name} was altered, and its shape after that cannot be told: {why}",
        mend="begin the migration of this plan anew",
    )

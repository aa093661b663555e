"""
What the publication sends, and what it does not say.

Tables are published by their identity, and each partition comes as itself: through the root a TRUNCATE of one partition
would not come at all. A partition that is dropped, detached or attached takes its rows along without a word in the
stream, so the partitions that are there are compared with those that were (kept as the publication's comment).
"""

from collections.abc import Collection, Sequence
from typing import Any

from landbridge.endpoints.postgres.names import qualified, quote
from landbridge.errors import SchemaDrift
from landbridge.model import TableMap, TableName

_PUBLISHED = """
select n.nspname, c.relname from pg_catalog.pg_publication p
join pg_catalog.pg_publication_rel r on r.prpubid = p.oid
join pg_catalog.pg_class c on c.oid = r.prrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where p.pubname = %s"""

# A partition that was made as one has its row in pg_inherits from the same statement as its type: 3 or 4 steps of it
# later. One that is made, filled and attached in one transaction is 6 or more away.
_LEAVES = """
select c.oid::int8, n.nspname, c.relname, root.nspname, root.relname,
    exists (
        select from pg_catalog.pg_inherits i join pg_catalog.pg_type t on t.oid = c.reltype
        where i.inhrelid = c.oid and (i.xmin <> t.xmin or i.cmin::text::int8 - t.cmin::text::int8 > 5)
    )
from pg_catalog.pg_publication p
join pg_catalog.pg_publication_rel r on r.prpubid = p.oid
cross join lateral pg_catalog.pg_partition_tree(r.prrelid) as part
join pg_catalog.pg_class c on c.oid = part.relid and part.level > 0 and part.isleaf
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join lateral (
    select n.nspname, c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid = r.prrelid
) as root
where p.pubname = %s
order by 1"""

_COMMENT = """
select pg_catalog.obj_description(oid, 'pg_publication') from pg_catalog.pg_publication where pubname = %s"""


def publish(cursor: Any, name: str, tables: Sequence[TableMap]) -> None:
    names = ", ".join(f"only {qualified(table.source.name)}" for table in tables)
    # What is part of an identity and not published makes the application's own UPDATE and DELETE fail, from 18 on.
    generated = ", publish_generated_columns = stored" if cursor.connection.info.server_version >= 180000 else ""
    cursor.execute(
        f"create publication {quote(name)} {'for table ' + names if tables else ''} with "
        f"(publish = 'insert, update, delete, truncate'{generated})"
    )
    cursor.execute(_LEAVES, (name,))
    known = ",".join(str(oid) for oid, *_ in cursor.fetchall())
    cursor.execute(f"comment on publication {quote(name)} is %s", (known,))


class Published:
    """`side` is an ordinary connection to the source. Every method raises SchemaDrift for what cannot be followed."""

    def __init__(self, side: Any, name: str, tables: Sequence[TableMap]) -> None:
        self._side, self._name, self._tables = side, name, tables
        self._roots: dict[int, TableName] = {}
        self._names: dict[int, TableName] = {}
        ((known,),) = self._query(_COMMENT) or [("",)]
        self._first = {int(oid) for oid in known.split(",")} if known else set()
        self.check()

    def check(self) -> None:
        """A table that took the place and name of a planned one, as tools for online changes have it, sends nothing."""
        published = {TableName(schema=schema, name=table) for schema, table in self._query(_PUBLISHED)}
        if missing := sorted({table.source.name for table in self._tables} - published):
            raise SchemaDrift(
                f"the publication {self._name} no longer has {', '.join(map(str, missing))}: dropped, renamed or "
                "taken out",
                mend="load again",
            )
        self._check_partitions()

    def root(self, oid: int) -> TableName | None:
        """The planned table that a relation is a partition of. One that was known stays so when it is gone."""
        if oid not in self._roots:
            self._leaves()
        return self._roots.get(oid)

    def require_all(self, oids: Collection[int]) -> None:
        """Of tables that a TRUNCATE names: of a partitioned one all partitions, or it was not emptied."""
        leaves = self._leaves()
        for root in {self._roots[oid] for oid in oids if oid in self._roots}:
            if left := [oid for oid in leaves if self._roots[oid] == root and oid not in oids]:
                emptied = sorted(str(self._names[oid]) for oid in oids if self._roots.get(oid) == root)
                raise SchemaDrift(
                    f"TRUNCATE of single partitions of {root} is not followed: {', '.join(emptied)} emptied, "
                    f"{', '.join(str(self._names[oid]) for oid in left[:10])} not",
                    mend=f"load again; until the cutover empty partitions of {root} by DELETE",
                )

    def _check_partitions(self) -> None:
        leaves = self._leaves()
        if gone := sorted((self._first | self._names.keys()) - leaves.keys()):
            names = [str(self._names.get(oid, f"oid {oid}")) for oid in gone]
            raise self._moved(f"no longer there: {', '.join(names)}")
        attached = [oid for oid, was_attached in leaves.items() if was_attached and oid not in self._first]
        if attached:
            raise self._moved(f"attached: {', '.join(str(self._names[oid]) for oid in attached)}")

    def _moved(self, what: str) -> SchemaDrift:
        return SchemaDrift(
            f"partitions were attached, detached or dropped, whose rows came or went without a word in the stream; "
            f"{what}",
            mend="load again; until the cutover make new partitions with CREATE TABLE ... PARTITION OF only",
        )

    def _leaves(self) -> dict[int, bool]:
        """The leaf partitions that are there now, and whether each was attached as a table that was there before."""
        found = {}
        for oid, schema, name, root_schema, root_name, attached in self._query(_LEAVES):
            self._roots[oid] = TableName(schema=root_schema, name=root_name)
            self._names[oid] = TableName(schema=schema, name=name)
            found[oid] = attached
        return found

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        with self._side.cursor() as cursor:
            cursor.execute(sql, (self._name,))
            return list(cursor.fetchall())

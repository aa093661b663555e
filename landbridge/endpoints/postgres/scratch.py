"""A database for a rehearsal. Its mark is its comment."""

from typing import Any

from landbridge.endpoints.postgres.connection import Database, closing, driver_errors
from landbridge.endpoints.postgres.names import literal, quote
from landbridge.errors import Terminal

_EXTENSIONS = """
select e.extname, n.nspname from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
where e.extname <> 'plpgsql' order by e.oid"""


class Scratcher:
    holds_schemas = True

    def __init__(self, db: Database) -> None:
        self._db = db

    def mark(self, name: str) -> str | None:
        query = """
            select coalesce(pg_catalog.shobj_description(oid, 'pg_database'), '')
            from pg_catalog.pg_database where datname = %s"""
        found = self._fetch(self._db, query, name)
        return str(found[0][0]) if found else None

    def make(self, name: str, mark: str) -> None:
        """With encoding, locale and extensions of the database that this endpoint is of."""
        if self.mark(name) is not None:
            raise Terminal(f"the database {name} is there already", mend="give rehearsal.database another name")
        may = "select rolcreatedb or rolsuper from pg_catalog.pg_roles where rolname = current_user"
        if not self._fetch(self._db, may)[0][0]:
            raise Terminal(
                f"{self._db.ref.user} may not make the database {name}",
                mend=f"as a superuser: ALTER ROLE {quote(self._db.ref.user)} CREATEDB",
            )
        self._run(self._db, f"create database {quote(name)} template template0 {self._like_ours()}")
        self._run(self._db, f"comment on database {quote(name)} is {literal(mark)}")
        there = Database(self._db.ref.model_copy(update={"database": name}))
        for extension, schema in self._fetch(self._db, _EXTENSIONS):
            self._run(there, f"create schema if not exists {quote(schema)}")
            self._run(there, f"create extension if not exists {quote(extension)} schema {quote(schema)} cascade")

    def drop(self, name: str) -> None:
        self._run(self._db, f"drop database if exists {quote(name)} with (force)")

    def size(self, name: str) -> int:
        return int(self._fetch(self._db, "select pg_catalog.pg_database_size(%s)", name)[0][0])

    def _like_ours(self) -> str:
        """The locale of another provider than libc has another column in each release from 15 on."""
        query = "select pg_catalog.to_jsonb(d) from pg_catalog.pg_database d where datname = current_database()"
        ours: dict[str, Any] = self._fetch(self._db, query)[0][0]
        given = {"lc_collate": ours["datcollate"], "lc_ctype": ours["datctype"]}
        provider = {"i": "icu", "b": "builtin"}.get(ours.get("datlocprovider", "c"))
        if provider is not None:
            given |= {"locale_provider": provider}
            given |= {f"{provider}_locale": ours.get("datlocale") or ours.get("daticulocale")}
        clauses = [f"{word} {literal(str(value))}" for word, value in given.items()]
        return f"encoding {int(ours['encoding'])} {' '.join(clauses)}"

    @staticmethod
    def _fetch(db: Database, query: str, *values: object) -> list[tuple[Any, ...]]:
        with driver_errors(db.ref), closing(db.open()) as connection, connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return list(cursor.fetchall())

    @staticmethod
    def _run(db: Database, statement: str) -> None:
        with driver_errors(db.ref), closing(db.open()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)

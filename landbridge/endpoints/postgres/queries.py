"""The catalog queries in sql/, and the transaction they run in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg2.extras import RealDictCursor

from landbridge.endpoints.postgres.connection import Database, closing, driver_errors

Row = Mapping[str, Any]

_TEXTS = {file.stem: file.read_text(encoding="utf-8") for file in (Path(__file__).parent / "sql").glob("*.sql")}
_SESSION = (
    "set local lock_timeout = '10s'",  # the size of a table that is being rewritten waits for its lock
    "set local jit = off",  # compiling a query on the catalog costs more than running it
    "set local quote_all_identifiers = off",
)


@contextmanager
def reading(database: Database, *, write: bool = False) -> Iterator[Any]:
    """A cursor in one read-only transaction with one snapshot. write: what is written is rolled back."""
    with driver_errors(database.ref), closing(database.open()) as connection:
        connection.autocommit = False
        with connection.cursor(cursor_factory=RealDictCursor) as cursor:
            if not write:
                cursor.execute("set transaction isolation level repeatable read read only")
            for statement in _SESSION:
                cursor.execute(statement)
            yield cursor


def text(query: str) -> str:
    """sql/`query`.sql itself."""
    return _TEXTS[query].rstrip()


def rows(cursor: Any, query: str, **parameters: object) -> list[Row]:
    """The rows of sql/`query`.sql."""
    cursor.execute(_TEXTS[query], parameters or None)
    return list(cursor.fetchall())

"""Parsing lines into a table: the server does it, by COPY."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg2
import psycopg2.errors
import sqlalchemy as sa

from landbridge.endpoints.postgres.connection import Database, translate
from landbridge.endpoints.postgres.names import qualified, quote
from landbridge.errors import MigrationError, RowRejected
from landbridge.model import Relation

_BLOCK = 256 * 1024
_REFUSALS = ("22", "23")
"""SQLSTATE classes that mean the row itself (manual, appendix A): data exception, integrity constraint violation."""

_LINE = re.compile(r", line (\d+)")
_DATES = ("22007", "22008")
_CHARACTER = "22021"


class Loader:
    def __init__(self, database: Database) -> None:
        self._ref = database.ref

    def load(self, connection: sa.Connection, table: Relation, blocks: Iterable[bytes]) -> int:
        columns = ", ".join(quote(field.name) for field in table.fields)
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            try:
                cursor.copy_expert(f"copy {qualified(table.name)} ({columns}) from stdin", _Blocks(blocks), _BLOCK)
            except psycopg2.Error as error:
                raise _refusal(error, table) or translate(error, self._ref) from None
            return int(cursor.rowcount)


class _Blocks:
    """A file that is read block by block. An empty block would be its end, so there is none."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks: Iterator[bytes] = filter(None, blocks)

    def read(self, _size: int) -> bytes:
        return next(self._blocks, b"")


def _refusal(error: psycopg2.Error, table: Relation) -> MigrationError | None:
    """The row refused, without its data: neither the server's message nor its context is shown, both quote the row."""
    state = error.pgcode or ""
    if not state.startswith(_REFUSALS):
        return None
    what = f"{psycopg2.errors.lookup(state).__name__}, SQLSTATE {state}"
    return RowRejected(f"{table.name}: {_place(error, table)} refused by the target ({what})", mend=_mend(state, error))


def _place(error: psycopg2.Error, table: Relation) -> str:
    context = error.diag.context or ""
    line = _LINE.search(context)
    named = error.diag.column_name or next((f.name for f in table.fields if f", column {f.name}: " in context), None)
    return (f"row {line[1]} of the segment was" if line else "a row was") + (f", by column {named}," if named else "")


def _mend(state: str, error: psycopg2.Error) -> str:
    if state in _DATES:
        return "correct the zero, partial or out-of-range date on the source, or exclude the table"
    if state == _CHARACTER:
        return "remove the NUL character or invalid text on the source, or exclude the table"
    if error.diag.constraint_name:
        return f"see constraint {error.diag.constraint_name} of the target: only this plan may write its rows"
    return "correct the value on the source, or widen the column on the target"

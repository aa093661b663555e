"""The present values of AUTO_INCREMENT columns and of MariaDB's sequences."""

from collections.abc import Sequence

from landbridge.endpoints.abc import Counter
from landbridge.endpoints.mysql.catalog import fetch, read_sequence
from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.errors import Unsupported
from landbridge.model import Sequence as NumberSequence
from landbridge.model import Table

_NEXT = "select table_schema, table_name, auto_increment from information_schema.tables where table_schema in %s"


class Counters:
    def __init__(self, database: Database) -> None:
        self._database = database

    def counters(self, tables: Sequence[Table], sequences: Sequence[NumberSequence]) -> tuple[Counter, ...]:
        columns = {table.name: column.name for table in tables for column in table.columns if column.identity}
        with driver_errors(self._database.ref), closing(self._database.open()) as connection:
            if not self._database.is_mariadb(connection):
                fetch(connection, "set session information_schema_stats_expiry = 0")  # else a day old
            schemas = tuple({name.schema for name in columns})
            rows = fetch(connection, _NEXT, (schemas,)) if schemas else []
            following = {(schema, table): number for schema, table, number in rows}
            last = {name: (following.get((name.schema, name.name)) or 1) - 1 or None for name in columns}
            used = [read_sequence(connection, sequence.name) for sequence in sequences]
        return (
            *(Counter(name=name, column=column, last=last[name]) for name, column in columns.items()),
            *(Counter(name=sequence.name, column=None, last=sequence.last_value) for sequence in used),
        )

    def advance(self, counters: Sequence[Counter]) -> None:
        raise Unsupported(
            f"{len(counters)} counters cannot be set: {self._database.ref.engine} is a source only",
            mend="use this engine as the source",
        )

"""Reading tables for the load, and single rows again for apply."""

from collections.abc import Sequence

from landbridge.change import Value
from landbridge.endpoints.abc import Read, Sink
from landbridge.endpoints.applying import Reread
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.read.ranges import Cutter, equal
from landbridge.endpoints.mysql.read.rows import Lines, raw_rows
from landbridge.endpoints.mysql.read.sessions import begin, begin_exactly, log_end, reading
from landbridge.model import EVERYTHING, Bounds, Relation

_KEYS_AT_ONCE = 500


class SnapshotReader:
    def __init__(self, database: Database) -> None:
        self._database = database

    def segments(self, table: Relation, max_bytes: int) -> tuple[Bounds, ...]:
        if not table.key:
            return (EVERYTHING,)
        with reading(self._database) as connection:
            return Cutter(connection=connection, relation=table).ranges(max_bytes)

    def read(self, table: Relation, bounds: Bounds, sink: Sink) -> Read:
        with reading(self._database) as connection:
            exact = None if table.key else begin_exactly(self._database, connection)
            if exact is None:
                begin(connection)
            lines = Lines(connection, table, bounds)
            for block in lines:
                sink(block)
            return Read(rows=lines.rows, position=exact or log_end(self._database, connection))

    def read_keys(self, table: Relation, keys: Sequence[tuple[Value, ...]]) -> Reread:
        return self.read_matching(table, table.key, keys)

    def read_matching(self, table: Relation, places: Sequence[int], values: Sequence[tuple[Value, ...]]) -> Reread:
        fields = [table.fields[place] for place in places]
        rows: list[tuple[Value, ...]] = []
        with reading(self._database) as connection:
            begin(connection)
            for start in range(0, len(values), _KEYS_AT_ONCE):
                some = [tuple(value.decode() for value in image) for image in values[start : start + _KEYS_AT_ONCE]]
                condition = " or ".join(equal(fields, image) for image in some)
                rows += raw_rows(connection, table, EVERYTHING, f"({condition})")
            return Reread(rows=rows, position=log_end(self._database, connection))

"""Rows on their way into a table: in a temporary table of this session, as the table's own types."""

from collections.abc import Sequence
from typing import Any

from landbridge import text
from landbridge.change import Value
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.write import infile
from landbridge.endpoints.mysql.write.insert import Inserter, Refused
from landbridge.endpoints.mysql.write.writing import Room
from landbridge.endpoints.mysql.write.written import WrittenTable
from landbridge.endpoints.updates import Places, Row, Update
from landbridge.model import Relation
from landbridge.plan import EndpointRef

_CROWDED = 100_000
"""Rows in a staging table after which a new one is made."""


class Unfit(Exception):
    """The server did not take every row as it is: row by row it will say which."""


class Staging:
    def __init__(self, ref: EndpointRef, connection: Any, room: Room) -> None:
        self._ref, self._connection, self._room = ref, connection, room
        self._mariadb = Database.is_mariadb(connection)
        self._counts: dict[int, int] = {}

    def forget(self, table: int) -> None:
        """It has another shape: what it is staged in is made anew."""
        self._counts.pop(table, None)

    def put(self, table: WrittenTable, places: Places, updates: Sequence[Update], *, old: bool) -> range:
        """The numbers of the staged rows. Raises Unfit."""
        staged = self._numbers(table, len(updates))
        columns: list[Sequence[Value]] = [[b"%d" % number for number in staged]]
        if old:
            columns += zip(*(key for key, _ in updates), strict=True)
        if places:
            images = list(zip(*(image for _, image in updates), strict=True))
            columns += [images[place] for place in places]
        self.copy(table.staged(places, old=old), columns)
        return staged

    def put_one(self, table: WrittenTable, places: Places, update: Update, *, old: bool) -> range:
        """Strictly. Raises Refused, which names the fault."""
        staged = self._numbers(table, 1)
        key, image = update
        row = (b"%d" % staged.start, *(key if old else ()), *(image[place] for place in places))
        self.insert(table.staged(places, old=old), row)
        return staged

    def insert(self, table: Relation, row: Row) -> None:
        Inserter(self._ref, self._connection, table, self._room.longest).one(row)

    def copy(self, table: Relation, columns: Sequence[Sequence[Value]]) -> None:
        """Whole rows, given column by column, into any table. Raises Unfit."""
        if self._room.local_infile:
            taken = infile.load(self._connection, table, [text.whole_lines(table.name, columns)], mariadb=self._mariadb)
            if not taken.whole(len(columns[0])):
                raise Unfit
            return
        try:
            inserter = Inserter(self._ref, self._connection, table, self._room.longest)
            inserter.insert(zip(*columns, strict=True))
        except Refused:
            raise Unfit from None

    def _numbers(self, table: WrittenTable, count: int) -> range:
        """They only ever grow, so what a rollback leaves or takes away does not matter."""
        number = table.relation.number
        start = self._counts.get(number)
        if start is None or start > _CROWDED:
            with self._connection.cursor() as cursor:
                cursor.execute(table.drop_staging())
                cursor.execute(table.create_staging())
            start = 0
        self._counts[number] = start + count
        return range(start, start + count)

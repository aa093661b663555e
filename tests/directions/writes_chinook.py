"""What the application does to chinook, in both forms of its names: InvoiceLine in MySQL, invoice_line in PostgreSQL."""

import re
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

from tests.directions.workload import EMOJI, TEXTS, Changed, Operation

Names = Callable[[str], str]


def camel(sql: str) -> str:
    """The form for MySQL, in which the statements below are written; ~ stands before a name."""
    return re.sub(r"~(\w+)", r"`\1`", sql)


def snake(sql: str) -> str:
    return re.sub(r"~(\w+)", lambda found: re.sub(r"(?<!^)(?=[A-Z])", "_", found[1]).lower(), sql)


class Shop:
    """The schema has no generated keys: the application numbers its rows itself, from 100,000 on."""

    def __init__(self, names: Names, *, emoji: bool = True) -> None:
        self._names = names
        self._texts = EMOJI if emoji else TEXTS
        self._numbers = count(100_000)

    def operations(self) -> list[Operation]:
        return [
            self.sell, self.sell, self.refund, self.new_album, self.drop_track, self.retitle, self.reprice, self.compile,
            self.clear_playlist, self.renumber, self.swap, self.promote, self.change_mind, self.relocate,
        ]  # fmt: skip

    def _run(self, cursor: Any, sql: str, *values: Any) -> None:
        cursor.execute(self._names(sql), values)

    def sell(self, cursor: Any, random: Random) -> None:
        """A parent and its children."""
        number = next(self._numbers)
        self._run(
            cursor,
            "INSERT INTO ~Invoice (~InvoiceId, ~CustomerId, ~InvoiceDate, ~BillingCity, ~Total) VALUES (%s, %s, %s, %s, %s)",
            number, random.randint(1, 59), "2024-02-29 23:59:59", random.choice(self._texts)[:40], "0.99",
        )  # fmt: skip
        for _ in range(random.randint(1, 4)):
            self._run(
                cursor,
                "INSERT INTO ~InvoiceLine (~InvoiceLineId, ~InvoiceId, ~TrackId, ~UnitPrice, ~Quantity) VALUES (%s, %s, %s, %s, 1)",
                next(self._numbers), number, random.randint(1, 3000), random.choice(("0.99", "-12345678.99")),
            )  # fmt: skip

    def refund(self, cursor: Any, random: Random) -> None:
        number = random.randint(1, 412)
        self._run(cursor, "DELETE FROM ~InvoiceLine WHERE ~InvoiceId = %s", number)
        self._run(cursor, "DELETE FROM ~Invoice WHERE ~InvoiceId = %s", number)

    def new_album(self, cursor: Any, random: Random) -> None:
        artist, album = next(self._numbers), next(self._numbers)
        self._run(
            cursor,
            "INSERT INTO ~Artist (~ArtistId, ~Name) VALUES (%s, %s)",
            artist,
            random.choice((None, *self._texts)),
        )
        title = random.choice(self._texts)
        self._run(cursor, "INSERT INTO ~Album (~AlbumId, ~Title, ~ArtistId) VALUES (%s, %s, %s)", album, title, artist)
        for _ in range(3):
            self._run(
                cursor,
                "INSERT INTO ~Track (~TrackId, ~Name, ~AlbumId, ~MediaTypeId, ~Milliseconds, ~UnitPrice)"
                " VALUES (%s, %s, %s, 1, %s, 0)",
                next(self._numbers), random.choice(self._texts), album, random.choice((0, -1, 2**31 - 1)),
            )  # fmt: skip

    def drop_track(self, cursor: Any, random: Random) -> None:
        self._run(cursor, "SELECT ~TrackId FROM ~Track WHERE ~TrackId >= 100000 ORDER BY ~TrackId LIMIT 1")
        for (track,) in cursor.fetchall():
            for table in ("InvoiceLine", "PlaylistTrack", "Track"):
                self._run(cursor, f"DELETE FROM ~{table} WHERE ~TrackId = %s", track)

    def retitle(self, cursor: Any, random: Random) -> None:
        values = (random.choice(self._texts) * 3, random.choice((None, "", self._texts[-1])), random.randint(1, 3503))
        self._run(cursor, "UPDATE ~Track SET ~Name = %s, ~Composer = %s WHERE ~TrackId = %s", *values)

    def reprice(self, cursor: Any, random: Random) -> None:
        low = random.randint(1, 3400)
        self._run(
            cursor, "UPDATE ~Track SET ~UnitPrice = ~UnitPrice + 0.01 WHERE ~TrackId BETWEEN %s AND %s", low, low + 100
        )

    def compile(self, cursor: Any, random: Random) -> None:
        number = next(self._numbers)
        self._run(
            cursor, "INSERT INTO ~Playlist (~PlaylistId, ~Name) VALUES (%s, %s)", number, random.choice(self._texts)
        )
        for track in random.sample(range(1, 3000), 5):
            self._run(cursor, "INSERT INTO ~PlaylistTrack (~PlaylistId, ~TrackId) VALUES (%s, %s)", number, track)

    def clear_playlist(self, cursor: Any, random: Random) -> None:
        self._run(cursor, "DELETE FROM ~PlaylistTrack WHERE ~PlaylistId = 1 AND ~TrackId < %s", random.randint(1, 3503))

    def renumber(self, cursor: Any, random: Random) -> None:
        """A change of key."""
        values = (next(self._numbers), random.randint(1, 2240))
        self._run(cursor, "UPDATE ~InvoiceLine SET ~InvoiceLineId = %s WHERE ~InvoiceLineId = %s", *values)

    def swap(self, cursor: Any, random: Random) -> None:
        """Two rows take each other's key."""
        one, other, spare = random.randint(1, 1000), random.randint(1001, 2240), next(self._numbers)
        for old, new in ((one, spare), (other, one), (spare, other)):
            self._run(cursor, "UPDATE ~InvoiceLine SET ~InvoiceLineId = %s WHERE ~InvoiceLineId = %s", new, old)

    def promote(self, cursor: Any, random: Random) -> None:
        """A table that refers to itself."""
        values = (random.choice((None, 1, 2)), random.choice(self._texts)[:30], random.randint(3, 8))
        self._run(cursor, "UPDATE ~Employee SET ~ReportsTo = %s, ~Title = %s WHERE ~EmployeeId = %s", *values)

    def change_mind(self, cursor: Any, random: Random) -> None:
        self.sell(cursor, random)
        self.retitle(cursor, random)
        raise Changed

    def relocate(self, cursor: Any, random: Random) -> None:
        """The same row twice in one transaction, and back again."""
        customer = random.randint(1, 59)
        for text in (random.choice(self._texts), None, random.choice(self._texts)):
            self._run(cursor, "UPDATE ~Customer SET ~City = %s WHERE ~CustomerId = %s", text and text[:40], customer)

"""What the application does to the tables with the unpronounceable names of tests/cases/nasty.*.sql."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.directions.workload import TEXTS, Operation

LONG = "n" * 60 + "é1"
"""63 bytes, the most that PostgreSQL takes."""


def operations(quote: Callable[[str], str], schema: str, snow: str) -> list[Operation]:
    """quote: the engine's own way. schema: quoted, with its dot, or empty. snow: what stands for a letter in names."""
    order = schema + quote("Order")
    keyed = schema + quote(f"quo\"te's {snow} %s")
    long = schema + quote(LONG)

    def run(cursor: Any, sql: str, *values: Any) -> None:
        cursor.execute(sql.replace("%", "%%").replace("?", "%s"), values)

    def order_more(cursor: Any, random: Random) -> None:
        names = ", ".join(quote(name) for name in ("Group", "per%cent", "%(named)s", "select"))
        run(
            cursor,
            f"INSERT INTO {order} ({names}) VALUES (?, ?, ?, 'a b')",
            random.choice(TEXTS),
            random.randint(100, 10**9),
            "%s",
        )

    def reorder(cursor: Any, random: Random) -> None:
        sets = ", ".join(f"{quote(name)} = ?" for name in ("{curly}", "a b", "user"))
        values = (
            random.choice((None, "", "\\")),
            random.choice(("Group", 'it\'s "x"', "a\\b", "%s", "a,b", "{c}")),
            "u",
        )
        run(cursor, f"UPDATE {order} SET {sets} WHERE {quote('from')} = ?", *values, random.randint(2, 60))

    def unorder(cursor: Any, random: Random) -> None:
        run(cursor, f"DELETE FROM {order} WHERE {quote('from')} > 1 AND {quote('from')} = ?", random.randint(40, 200))

    def rekey(cursor: Any, random: Random) -> None:
        """Both parts of the key change, its text into any text there is."""
        key = random.choice(TEXTS)[:20]
        run(cursor, f"DELETE FROM {keyed} WHERE {quote('Primary')} = ?", key)
        run(cursor, f"INSERT INTO {keyed} VALUES (?, ?, NULL)", key, random.randint(0, 3))
        sets = f"{quote('Primary')} = ?, {quote('KEY')} = {quote('KEY')} + 1, {quote(snow)} = ?"
        other = random.choice(TEXTS)[:20]
        run(cursor, f"UPDATE {keyed} SET {sets} WHERE {quote('Primary')} = ?", other, random.choice(TEXTS)[:20], key)

    def lengthen(cursor: Any, random: Random) -> None:
        columns = f"{quote(LONG)}, {quote('c' + LONG[1:])}"
        run(
            cursor, f"INSERT INTO {long} ({columns}) VALUES (?, ?)", random.randint(10, 10**9), random.choice((None, 1))
        )

    return [order_more, order_more, reorder, unorder, rekey, lengthen]

"""What the application does to the tables of tests/cases/extra.*.sql, in words that both engines take."""

import json
from random import Random
from typing import Any

from tests.directions.workload import EMOJI, Changed, Operation


def operations(schema: str, *, cascades: bool) -> list[Operation]:
    """schema: with its dot, or empty. cascades: also those that leave rows to the server's foreign key actions."""
    extra = Extra(schema)
    own: list[Operation] = [
        extra.widen, extra.widen, extra.edit, extra.edit, extra.shrink, extra.note, extra.unnote, extra.renote, extra.family,
        extra.back_and_forth, extra.at_length, extra.change_mind,
    ]  # fmt: skip
    return [*own, extra.disown, extra.rename_parent] if cascades else own


class Extra:
    def __init__(self, schema: str) -> None:
        self._schema = schema

    def _run(self, cursor: Any, sql: str, *values: Any) -> None:
        cursor.execute(sql.replace("~", self._schema), values)

    def widen(self, cursor: Any, random: Random) -> None:
        size = random.choice((0, 10, 3000, 150_000))
        doc = json.dumps(
            {"k": random.choice(EMOJI), "n": [random.random(), None, 2**53]}, ensure_ascii=random.random() < 0.5
        )
        self._run(
            cursor,
            "INSERT INTO ~wide (label, body, picture, doc, ratio, single, flag, born, code) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            random.choice(EMOJI)[:80], (random.choice(EMOJI) * size)[:size], random.randbytes(random.choice((0, 300, 40_000))), doc,
            random.uniform(-1e300, 1e300), random.uniform(-1, 1), random.random() < 0.5, "2024-02-29 23:59:59.999999", random.choice((None, "", "abc")),
        )  # fmt: skip

    def edit(self, cursor: Any, random: Random) -> None:
        """Of a wide row, only something small."""
        self._run(cursor, "SELECT max(id) FROM ~wide")
        number = random.randint(1, cursor.fetchone()[0] or 1)
        self._run(
            cursor,
            "UPDATE ~wide SET label = %s, ratio = %s WHERE id = %s",
            random.choice(EMOJI)[:80],
            random.random(),
            number,
        )

    def shrink(self, cursor: Any, random: Random) -> None:
        self._run(cursor, "SELECT min(id) FROM ~wide WHERE id > 3")
        for found in cursor.fetchall():
            self._run(cursor, "DELETE FROM ~wide WHERE id = %s", *found)

    def note(self, cursor: Any, random: Random) -> None:
        """The same row twice: nothing tells the copies apart."""
        values = (random.choice((None, "", "twice", random.choice(EMOJI)))), random.choice((None, 0, 1))
        for _ in range(2):
            self._run(cursor, "INSERT INTO ~heap (word, number) VALUES (%s, %s)", *values)

    def unnote(self, cursor: Any, random: Random) -> None:
        for condition in (
            "word = 'twice' AND number = 0",
            "number IS NULL",
            f"word = '{random.choice(('', 'plain'))}'",
        ):
            self._run(cursor, f"DELETE FROM ~heap WHERE {condition}")

    def renote(self, cursor: Any, random: Random) -> None:
        number = random.choice((0, 1))
        set_ = "number = %s, at = '2024-01-01 00:00:00.5'"
        self._run(
            cursor, f"UPDATE ~heap SET {set_} WHERE number = %s AND word = %s", 1 - number, number, random.choice(EMOJI)
        )

    def family(self, cursor: Any, random: Random) -> None:
        name = f"{random.choice(EMOJI)[:20]} {random.random()}"
        self._run(cursor, "INSERT INTO ~parent (name) VALUES (%s)", name)
        self._run(cursor, "SELECT max(id) FROM ~parent WHERE name = %s", name)
        parent = cursor.fetchone()[0]
        for note in random.sample(EMOJI, 2):
            self._run(cursor, "INSERT INTO ~child (parent_id, note) VALUES (%s, %s)", parent, note)
        self._run(cursor, "INSERT INTO ~friend (parent_id) VALUES (%s)", parent)
        self._run(cursor, "INSERT INTO ~grandchild (child_id) SELECT max(id) FROM ~child WHERE parent_id = %s", parent)

    def back_and_forth(self, cursor: Any, random: Random) -> None:
        """Made, changed and gone within one transaction; and gone, then made again under the same key."""
        name = f"brief {random.random()}"
        self._run(cursor, "INSERT INTO ~parent (name) VALUES (%s)", name)
        self._run(cursor, "UPDATE ~parent SET name = %s WHERE name = %s", name + "!", name)
        self._run(cursor, "DELETE FROM ~parent WHERE name = %s", name + "!")
        self._run(cursor, "SELECT max(id) FROM ~grandchild")
        (grandchild,) = cursor.fetchone()
        self._run(cursor, "SELECT child_id FROM ~grandchild WHERE id = %s", grandchild)
        for (child,) in cursor.fetchall():
            self._run(cursor, "DELETE FROM ~grandchild WHERE id = %s", grandchild)
            self._run(cursor, "INSERT INTO ~grandchild (id, child_id) VALUES (%s, %s)", grandchild, child)

    def at_length(self, cursor: Any, random: Random) -> None:
        """Many rows in one transaction, more than a stream keeps in memory before it hands parts on."""
        mark = f"many {random.random()}"
        names = ", ".join([f"('{mark} {number} {'x' * 20}')" for number in range(random.choice((3, 3, 3, 3, 300)))])
        self._run(cursor, f"INSERT INTO ~parent (name) VALUES {names}")
        self._run(cursor, "UPDATE ~parent SET name = concat(name, '!') WHERE name LIKE %s", f"{mark}%")
        self._run(cursor, "DELETE FROM ~parent WHERE name LIKE %s", f"{mark}%")

    def change_mind(self, cursor: Any, random: Random) -> None:
        self.family(cursor, random)
        self.renote(cursor, random)
        raise Changed

    def disown(self, cursor: Any, random: Random) -> None:
        """ON DELETE CASCADE over two generations, and SET NULL."""
        self._run(cursor, "SELECT min(id) FROM ~parent WHERE id > 2")
        for found in cursor.fetchall():
            self._run(cursor, "DELETE FROM ~parent WHERE id = %s", *found)

    def rename_parent(self, cursor: Any, random: Random) -> None:
        """ON UPDATE CASCADE, and SET NULL."""
        self._run(cursor, "SELECT max(id) FROM ~parent WHERE id < 100000")
        (number,) = cursor.fetchone()
        self._run(cursor, "UPDATE ~parent SET id = %s WHERE id = %s", random.randint(100_000, 2_000_000), number)

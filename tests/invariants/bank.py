"""
An application whose data obey rules in every snapshot: accounts whose sum never changes, a counter that always equals
what it counts, seats that are exchanged and never held twice. Beside these what is hard to follow: keys that change,
keys used again, rows without a key, rows that point to themselves.
"""

import random
from typing import Any

ACCOUNTS, SEATS, FLIPS, PARCELS = 60, 24, 12, 30
START = 1000

TABLES = (
    "create table accounts (id int primary key, owner varchar(20) not null, balance bigint not null)",
    (
        "create table transfers (id bigint primary key, giver int not null, taker int not null, amount int not null,"
        " foreign key (giver) references accounts (id), foreign key (taker) references accounts (id))"
    ),
    "create table counters (name varchar(20) primary key, n bigint not null)",
    "create table seats (id int primary key, holder varchar(30) not null unique)",
    "create table flips (id int primary key, note varchar(40))",
    "create table parcels (id bigint primary key, name varchar(20) unique, weight decimal(8,2))",
    "create table nodes (id bigint primary key, parent bigint references nodes (id), note varchar(20))",
    "create table marks (kind int, note varchar(20), weight decimal(8,2))",
)
WITHOUT_KEY = "marks"

RULES = {
    "the sum of all accounts": ("select sum(balance) from accounts", ACCOUNTS * START),
    "the counter less what it counts": (
        "select n - (select count(*) from transfers) from counters where name = 'transfers'",
        0,
    ),
    "seats that are taken": ("select count(distinct holder) from seats where holder not like 'moving%'", SEATS),
    "rows deleted and inserted again": ("select count(*) from flips", FLIPS),
    "rows whose key changes": ("select count(*) from parcels", PARCELS),
    "nodes that hang in the air": (
        "select count(*) from nodes n left join nodes p on p.id = n.parent where n.parent is not null and p.id is null",
        0,
    ),
}
"""What each query yields in every snapshot."""


def fill(cursor: Any) -> None:
    for table in TABLES:
        cursor.execute(table)
    cursor.executemany("insert into accounts values (%s, %s, %s)", [(n, f"owner {n}", START) for n in range(ACCOUNTS)])
    cursor.execute("insert into counters values ('transfers', 0), ('turns', 0)")
    cursor.executemany("insert into seats values (%s, %s)", [(n, f"guest {n}") for n in range(SEATS)])
    cursor.executemany("insert into flips values (%s, %s)", [(n, "first") for n in range(FLIPS)])
    cursor.executemany("insert into parcels values (%s, %s, %s)", [(n, f"parcel {n}", n / 4) for n in range(PARCELS)])
    cursor.execute("insert into nodes values (1, null, 'root')")
    cursor.executemany("insert into marks values (%s, %s, %s)", [(n % 5, "same", n % 3) for n in range(60)])


def transfer(cursor: Any, chance: random.Random) -> None:
    one, other = chance.sample(range(ACCOUNTS), 2)
    amount = chance.randint(1, 50)
    cursor.execute("update counters set n = n + 1 where name = 'transfers'")
    for account, change in sorted(((one, -amount), (other, amount))):
        cursor.execute("update accounts set balance = balance + %s where id = %s", (change, account))
    cursor.execute("insert into transfers values (%s, %s, %s, %s)", (_fresh(chance), one, other, amount))


def take_back(cursor: Any, chance: random.Random) -> None:
    cursor.execute("update counters set n = n - 1 where name = 'transfers'")  # in line with all the others
    cursor.execute(
        "select id, giver, taker, amount from transfers where id >= %s order by id limit 1", (_fresh(chance),)
    )
    found = cursor.fetchone()
    if found is None:
        cursor.execute("update counters set n = n + 1 where name = 'transfers'")
        return
    number, one, other, amount = found
    for account, change in sorted(((one, amount), (other, -amount))):
        cursor.execute("update accounts set balance = balance + %s where id = %s", (change, account))
    cursor.execute("delete from transfers where id = %s", (number,))


def all_at_once(cursor: Any, chance: random.Random) -> None:
    """A transaction of many rows, some of them several times, in several tables."""
    cursor.execute("update counters set n = n + 0 where name = 'transfers'")
    for sign in (1, -1):
        cursor.execute("update accounts set balance = balance + %s * (1 - 2 * mod(id, 2))", (sign * 7,))
    cursor.execute("update accounts set balance = balance + 1 - 2 * mod(id, 2)")
    cursor.executemany(
        "insert into marks values (%s, %s, %s)",
        [(5, chance.choice(("bulk", "more")), n % 7) for n in range(chance.randint(100, 900))],
    )
    cursor.execute("delete from marks where kind = 5 and note = %s", (chance.choice(("bulk", "more")),))


def count(cursor: Any, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 5)):
        cursor.execute("update counters set n = n + 1 where name = 'turns'")


def swap_seats(cursor: Any, chance: random.Random) -> None:
    one, other = sorted(chance.sample(range(SEATS), 2))
    cursor.execute("select id, holder from seats where id in (%s, %s) order by id for update", (one, other))
    (_, first), (_, second) = cursor.fetchall()
    for seat, holder in ((one, f"moving {one}"), (other, first), (one, second)):
        cursor.execute("update seats set holder = %s where id = %s", (holder, seat))


def flip(cursor: Any, chance: random.Random) -> None:
    number = chance.randrange(FLIPS)
    for note in ("again", None, f"turn {chance.randrange(1000)}"):
        cursor.execute("delete from flips where id = %s", (number,))
        cursor.execute("insert into flips values (%s, %s)", (number, note))


def rename_key(cursor: Any, chance: random.Random) -> None:
    name = f"parcel {chance.randrange(PARCELS)}"
    for _ in range(chance.randint(1, 2)):
        cursor.execute("update parcels set id = %s where name = %s", (_fresh(chance), name))
    cursor.execute("update parcels set weight = %s where name = %s", (chance.randrange(400) / 4, name))


def grow(cursor: Any, chance: random.Random) -> None:
    cursor.execute("select max(id) from nodes where id <= %s", (_fresh(chance),))
    (parent,) = cursor.fetchone()
    fresh = _fresh(chance)
    cursor.execute("insert into nodes values (%s, %s, 'leaf')", (fresh, parent))
    cursor.execute("insert into nodes values (%s, %s, 'leaf')", (_fresh(chance), fresh))


def prune(cursor: Any, chance: random.Random) -> None:
    cursor.execute(
        "select n.id from nodes n left join nodes c on c.parent = n.id"
        " where c.id is null and n.id > 1 order by n.id limit 3"
    )
    for (number,) in cursor.fetchall():
        cursor.execute("delete from nodes where id = %s", (number,))


def mark(cursor: Any, chance: random.Random) -> None:
    kind = chance.randrange(5)
    cursor.executemany("insert into marks values (%s, %s, %s)", [(kind, None if kind == 4 else "same", 1)] * 3)
    cursor.execute("update marks set note = %s where kind = %s and weight = 2", (f"n{chance.randrange(3)}", kind))
    cursor.execute("delete from marks where kind = %s and weight = %s", ((kind + 1) % 5, 1))


OPERATIONS = (
    transfer, transfer, transfer, take_back, all_at_once, count, swap_seats, flip, rename_key, grow, prune, mark,
)  # fmt: skip


def _fresh(chance: random.Random) -> int:
    return chance.randrange(2, 1 << 48)

"""What the application does to sakila, in the words of the MySQL family."""

from random import Random
from typing import Any

from tests.directions.workload import TEXTS, Changed, Operation

_FILMS, _ACTORS, _CUSTOMERS, _INVENTORY, _PAYMENTS, _ADDRESSES = 1000, 200, 599, 4581, 16049, 605


def operations(*, cascades: bool) -> list[Operation]:
    """cascades: also those that leave rows of other tables to the server's own foreign key actions."""
    own = [
        rent, rent, give_back, give_back, pay_later, forget_rental, move, rename_customer, new_actor, retire_actor, recast,
        recategorise, renumber_payment, new_film, new_film, rework_film, rework_film, drop_film, change_mind, change_film_mind,
        new_picture, touch_many,
    ]  # fmt: skip
    return [*own, drop_rental, renumber_country, renumber_film] if cascades else own


def rent(cursor: Any, random: Random) -> None:
    customer, inventory = random.randint(1, _CUSTOMERS), random.randint(1, _INVENTORY)
    cursor.execute(
        "INSERT INTO rental (rental_date, inventory_id, customer_id, staff_id) VALUES (%s, %s, %s, %s)",
        (_moment(random), inventory, customer, random.choice((1, 2))),
    )
    cursor.execute(
        "INSERT INTO payment (customer_id, staff_id, rental_id, amount, payment_date) VALUES (%s, 1, LAST_INSERT_ID(), %s, NOW())",
        (customer, random.choice(("0.00", "4.99", "-1.50", "999.99"))),
    )


def give_back(cursor: Any, random: Random) -> None:
    cursor.execute(
        "UPDATE rental SET return_date = %s WHERE rental_id = %s", (_moment(random), random.randint(1, _PAYMENTS))
    )


def pay_later(cursor: Any, random: Random) -> None:
    cursor.execute(
        "UPDATE payment SET rental_id = NULL, amount = amount + 1 WHERE payment_id = %s", (_payment(random),)
    )


def forget_rental(cursor: Any, random: Random) -> None:
    """Children first, so that no action of the server is needed."""
    cursor.execute(
        "SELECT rental_id FROM rental WHERE rental_id > %s ORDER BY 1 LIMIT 1", (random.randint(1, _PAYMENTS),)
    )
    for (rental,) in cursor.fetchall():
        cursor.execute("DELETE FROM payment WHERE rental_id = %s", (rental,))
        cursor.execute("DELETE FROM rental WHERE rental_id = %s", (rental,))


def move(cursor: Any, random: Random) -> None:
    cursor.execute(
        "INSERT INTO address (address, address2, district, city_id, postal_code, phone) VALUES (%s, %s, %s, %s, %s, %s)",
        (
            random.choice(TEXTS),
            random.choice((None, "", "2nd")),
            random.choice(TEXTS)[:20],
            random.randint(1, 600),
            None,
            "",
        ),
    )
    cursor.execute("UPDATE customer SET address_id = LAST_INSERT_ID() WHERE customer_id = %s", (_customer(random),))


def rename_customer(cursor: Any, random: Random) -> None:
    cursor.execute(
        "UPDATE customer SET first_name = %s, email = %s, active = 1 - active WHERE customer_id = %s",
        (random.choice(TEXTS), random.choice((None, "", "a\\b@example.org")), _customer(random)),
    )


def new_actor(cursor: Any, random: Random) -> None:
    cursor.execute(
        "INSERT INTO actor (first_name, last_name) VALUES (%s, %s)", (random.choice(TEXTS), random.choice(TEXTS))
    )
    cursor.execute("SELECT LAST_INSERT_ID()")
    actor = cursor.fetchone()[0]
    films = random.sample(range(1, _FILMS), 3)
    cursor.executemany("INSERT INTO film_actor (actor_id, film_id) VALUES (%s, %s)", [(actor, film) for film in films])


def retire_actor(cursor: Any, random: Random) -> None:
    cursor.execute("SELECT actor_id FROM actor WHERE actor_id > %s ORDER BY RAND() LIMIT 1", (_ACTORS,))
    for (actor,) in cursor.fetchall():
        cursor.execute("DELETE FROM film_actor WHERE actor_id = %s", (actor,))
        cursor.execute("DELETE FROM actor WHERE actor_id = %s", (actor,))


def recast(cursor: Any, random: Random) -> None:
    """A change of key."""
    cursor.execute(
        "UPDATE IGNORE film_actor SET actor_id = %s WHERE film_id = %s LIMIT 1",
        (random.randint(1, _ACTORS), random.randint(1, _FILMS)),
    )


def recategorise(cursor: Any, random: Random) -> None:
    cursor.execute(
        "UPDATE film_category SET category_id = %s WHERE film_id = %s",
        (random.randint(1, 16), random.randint(1, _FILMS)),
    )


def renumber_payment(cursor: Any, random: Random) -> None:
    """A row leaves its key and another takes it."""
    one, other = sorted(random.sample(range(1, _PAYMENTS), 2))
    spare = 64000 + random.randint(0, 1500)
    for old, new in ((one, spare), (other, one), (spare, other)):
        cursor.execute("UPDATE payment SET payment_id = %s WHERE payment_id = %s", (new, old))


def new_film(cursor: Any, random: Random) -> None:
    """A trigger writes film_text, which has no transactions on some servers."""
    cursor.execute(
        "INSERT INTO film (title, description, release_year, language_id, length, rating, special_features)"
        " VALUES (%s, %s, %s, 1, %s, %s, %s)",
        (
            random.choice(TEXTS), random.choice((None, *TEXTS)), random.choice((None, 1901, 2155, 2024)),
            random.choice((None, 0, 65535)), random.choice((None, "G", "NC-17")),
            random.choice((None, "", "Trailers", "Trailers,Behind the Scenes")),
        ),
    )  # fmt: skip


def rework_film(cursor: Any, random: Random) -> None:
    cursor.execute(
        "UPDATE film SET title = %s, description = %s, special_features = %s, rating = %s WHERE film_id = %s",
        (
            random.choice(TEXTS),
            random.choice(TEXTS) * 20,
            random.choice(("", "Commentaries,Deleted Scenes")),
            "PG-13",
            _film(random),
        ),
    )


def drop_film(cursor: Any, random: Random) -> None:
    cursor.execute("SELECT film_id FROM film WHERE film_id > %s ORDER BY RAND() LIMIT 1", (_FILMS,))
    for (film,) in cursor.fetchall():
        cursor.execute("DELETE FROM film WHERE film_id = %s", (film,))


def change_mind(cursor: Any, random: Random) -> None:
    rent(cursor, random)
    rename_customer(cursor, random)
    raise Changed


def change_film_mind(cursor: Any, random: Random) -> None:
    """Where film_text has no transactions, its row stays changed."""
    rework_film(cursor, random)
    raise Changed


def new_picture(cursor: Any, random: Random) -> None:
    picture = random.choice((None, b"", bytes(range(256)) * random.randint(1, 200)))
    cursor.execute(
        "UPDATE staff SET picture = %s, password = %s WHERE staff_id = %s", (picture, None, random.choice((1, 2)))
    )


def touch_many(cursor: Any, random: Random) -> None:
    low = random.randint(1, _PAYMENTS)
    cursor.execute("UPDATE payment SET amount = amount * -1 WHERE payment_id BETWEEN %s AND %s", (low, low + 200))


def drop_rental(cursor: Any, random: Random) -> None:
    """ON DELETE SET NULL: the server empties payment.rental_id."""
    cursor.execute("DELETE FROM rental WHERE rental_id = %s", (random.randint(1, _PAYMENTS),))


def renumber_country(cursor: Any, random: Random) -> None:
    """ON UPDATE CASCADE: the server changes its cities."""
    cursor.execute(
        "UPDATE country SET country_id = %s WHERE country_id = %s",
        (random.randint(1000, 60000), random.randint(1, 109)),
    )


def renumber_film(cursor: Any, random: Random) -> None:
    """ON UPDATE CASCADE into three tables, two of them into the key, with the trigger besides."""
    cursor.execute("UPDATE film SET film_id = %s WHERE film_id = %s", (random.randint(10000, 30000), _film(random)))


def _moment(random: Random) -> str:
    return f"20{random.randint(10, 37)}-{random.randint(1, 12):02}-{random.randint(1, 28):02} 12:{random.randint(0, 59):02}:00"


def _customer(random: Random) -> int:
    return random.randint(1, _CUSTOMERS)


def _payment(random: Random) -> int:
    return random.randint(1, _PAYMENTS)


def _film(random: Random) -> int:
    return random.randint(1, _FILMS)

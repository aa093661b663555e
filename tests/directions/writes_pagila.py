"""What the application does to pagila."""

from random import Random
from typing import Any

from tests.directions.workload import EMOJI, Changed, Operation

_FILMS, _ACTORS, _CUSTOMERS, _INVENTORY, _RENTALS = 1000, 200, 599, 4581, 16049


def operations() -> list[Operation]:
    return [
        rent, rent, give_back, give_back, forget_rental, move, rename_customer, new_actor, retire_actor, recast, new_film,
        rework_film, rework_film, drop_film, change_mind, keep_in_part, new_picture, pay_in_another_month, pay_more, renumber_country,
        renumber_film,
    ]  # fmt: skip


def rent(cursor: Any, random: Random) -> None:
    customer, inventory = random.randint(1, _CUSTOMERS), random.randint(1, _INVENTORY)
    cursor.execute(
        "INSERT INTO public.rental (rental_date, inventory_id, customer_id, staff_id) VALUES (%s, %s, %s, 1) RETURNING rental_id",
        (_moment(random), inventory, customer),
    )
    cursor.execute(
        "INSERT INTO public.payment (customer_id, staff_id, rental_id, amount, payment_date) VALUES (%s, 2, %s, %s, %s)",
        (customer, cursor.fetchone()[0], random.choice(("0.00", "4.99", "-999.99")), _moment(random)),
    )


def give_back(cursor: Any, random: Random) -> None:
    cursor.execute(
        "UPDATE public.rental SET return_date = %s WHERE rental_id = %s",
        (random.choice((None, _moment(random))), random.randint(1, _RENTALS)),
    )


def forget_rental(cursor: Any, random: Random) -> None:
    cursor.execute(
        "SELECT rental_id FROM public.rental WHERE rental_id > %s ORDER BY 1 LIMIT 1", (random.randint(1, _RENTALS),)
    )
    for found in cursor.fetchall():
        cursor.execute("DELETE FROM public.payment WHERE rental_id = %s", found)
        cursor.execute("DELETE FROM public.rental WHERE rental_id = %s", found)


def move(cursor: Any, random: Random) -> None:
    cursor.execute(
        "INSERT INTO public.address (address, address2, district, city_id, phone) VALUES (%s, %s, %s, %s, '') RETURNING address_id",
        (random.choice(EMOJI), random.choice((None, "")), random.choice(EMOJI), random.randint(1, 600)),
    )
    address = cursor.fetchone()[0]
    cursor.execute("UPDATE public.customer SET address_id = %s WHERE customer_id = %s", (address, _customer(random)))


def rename_customer(cursor: Any, random: Random) -> None:
    cursor.execute(
        "UPDATE public.customer SET first_name = %s, email = %s, activebool = NOT activebool, active = %s WHERE customer_id = %s",
        (random.choice(EMOJI), random.choice((None, "")), random.choice((None, 0, 1)), _customer(random)),
    )


def new_actor(cursor: Any, random: Random) -> None:
    name = (random.choice(EMOJI), random.choice(EMOJI))
    cursor.execute("INSERT INTO public.actor (first_name, last_name) VALUES (%s, %s) RETURNING actor_id", name)
    actor = cursor.fetchone()[0]
    for film in random.sample(range(1, _FILMS), 3):
        cursor.execute("INSERT INTO public.film_actor (actor_id, film_id) VALUES (%s, %s)", (actor, film))


def retire_actor(cursor: Any, random: Random) -> None:
    cursor.execute("SELECT actor_id FROM public.actor WHERE actor_id > %s ORDER BY random() LIMIT 1", (_ACTORS,))
    for found in cursor.fetchall():
        cursor.execute("DELETE FROM public.film_actor WHERE actor_id = %s", found)
        cursor.execute("DELETE FROM public.actor WHERE actor_id = %s", found)


def recast(cursor: Any, random: Random) -> None:
    """A change of key, into one that is free."""
    actor, film = random.randint(1, _ACTORS), random.randint(1, _FILMS)
    cursor.execute("SELECT actor_id FROM public.film_actor WHERE film_id = %s", (film,))
    there = [found[0] for found in cursor.fetchall()]
    if there and actor not in there:
        cursor.execute(
            "UPDATE public.film_actor SET actor_id = %s WHERE actor_id = %s AND film_id = %s", (actor, there[0], film)
        )


def new_film(cursor: Any, random: Random) -> None:
    """A trigger fills fulltext."""
    cursor.execute(
        "INSERT INTO public.film (title, description, release_year, language_id, rating, special_features)"
        " VALUES (%s, %s, %s, 1, %s, %s)",
        (
            random.choice(EMOJI), random.choice((None, "tale of a\tfrog")), random.choice((None, 1901, 2155)),
            random.choice((None, "NC-17")), random.choice((None, [], ["a,b", "c\\d", "", "NULL"], ["Trailers"])),
        ),
    )  # fmt: skip


def rework_film(cursor: Any, random: Random) -> None:
    cursor.execute(
        "UPDATE public.film SET description = %s, special_features = %s, replacement_cost = %s WHERE film_id = %s",
        (
            random.choice(EMOJI) * 30,
            [random.choice(EMOJI)],
            random.choice(("0.00", "999.99")),
            random.randint(1, _FILMS),
        ),
    )


def drop_film(cursor: Any, random: Random) -> None:
    cursor.execute(
        "DELETE FROM public.film WHERE film_id = (SELECT max(film_id) FROM public.film WHERE film_id BETWEEN 1001 AND 9999)"
    )


def change_mind(cursor: Any, random: Random) -> None:
    rent(cursor, random)
    rename_customer(cursor, random)
    raise Changed


def keep_in_part(cursor: Any, random: Random) -> None:
    """Half of the transaction is undone."""
    rename_customer(cursor, random)
    cursor.execute("SAVEPOINT half")
    rent(cursor, random)
    cursor.execute("ROLLBACK TO SAVEPOINT half")
    give_back(cursor, random)


def new_picture(cursor: Any, random: Random) -> None:
    """Kept outside the row: a later change of another column does not carry it."""
    staff = random.choice((1, 2))
    if random.random() < 0.3:
        picture = random.choice((None, b"", random.randbytes(20_000)))
        cursor.execute("UPDATE public.staff SET picture = %s WHERE staff_id = %s", (picture, staff))
    cursor.execute("UPDATE public.staff SET username = %s WHERE staff_id = %s", (random.choice(EMOJI), staff))


def pay_in_another_month(cursor: Any, random: Random) -> None:
    """The row moves to another partition, and its key changes."""
    cursor.execute(
        "SELECT payment_id FROM public.payment WHERE payment_id > %s LIMIT 1", (random.randint(16050, 32000),)
    )
    for found in cursor.fetchall():
        cursor.execute("UPDATE public.payment SET payment_date = %s WHERE payment_id = %s", (_moment(random), *found))


def pay_more(cursor: Any, random: Random) -> None:
    low = random.randint(16050, 32000)
    cursor.execute(
        "UPDATE public.payment SET amount = amount + 0.01 WHERE payment_id BETWEEN %s AND %s", (low, low + 100)
    )


def renumber_country(cursor: Any, random: Random) -> None:
    """ON UPDATE CASCADE."""
    cursor.execute(
        "UPDATE public.country SET country_id = %s WHERE country_id = %s",
        (random.randint(1000, 60000), random.randint(1, 109)),
    )


def renumber_film(cursor: Any, random: Random) -> None:
    """ON UPDATE CASCADE into three tables, two of them into the key."""
    cursor.execute(
        "UPDATE public.film SET film_id = %s WHERE film_id = %s",
        (random.randint(10000, 30000), random.randint(1, _FILMS)),
    )


def _moment(random: Random) -> str:
    """payment has partitions for this range, with uneven borders."""
    return (
        f"2022-{random.randint(1, 7):02}-{random.randint(1, 30):02} 23:59:59.{random.randint(0, 999999):06}+00".replace(
            "-02-30", "-02-28"
        ).replace("-02-29", "-02-28")
    )


def _customer(random: Random) -> int:
    return random.randint(1, _CUSTOMERS)

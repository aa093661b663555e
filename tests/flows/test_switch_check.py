"""
The comparison in the switch: of the rows that changed since the last one of everything, by their keys; without a key,
of the whole table.
"""

import pytest

from tests.flows.conftest import Run, Shop

CHANGES = (
    "insert into orders (id, customer, total) select n, 1, n from generate_series(9001, 9010) n returning id",
    "update orders set total = total + 1 where id between 1 and 20 returning id",
    "delete from orders where id between 100 and 104 returning id",
    "update orders set id = 9500 where id = 200 returning id",
    "update customers set name = 'Zoë' where id = 5 returning id",
    "insert into notes select 'x' from generate_series(1, 7) returning line",
)
CHANGED = 10 + 20 + 0 + 1 + 1 + 7
"""Rows that are there at the end under a key that the changes name, and all of the table without a key: by hand."""


@pytest.fixture
def validated(landbridge: Run, shop: Shop) -> Shop:
    """Compared whole, then changed at the source."""
    shop.write(validation={"in_switch": "changes"})
    shop.sql("source", "create table notes (line text); alter table notes replica identity full; select 1")
    assert landbridge("migrate", str(shop.file), "--until", "validated").code == 0
    for statement in CHANGES:
        shop.sql("source", statement)
    return shop


def final_check(landbridge: Run, shop: Shop) -> str:
    told = landbridge("status", str(shop.file), "--json").data
    (switch,) = (phase for phase in told["phases"] if phase["phase"] == "switch")
    return str(switch["detail"]["final_check"])


def test_only_what_changed_is_compared(landbridge: Run, validated: Shop) -> None:
    validated.sql(
        "target", "update orders set total = 0 where id = 2500 returning id"
    )  # unchanged since: not looked at
    assert landbridge("cutover", str(validated.file), "--yes").code == 0
    assert final_check(landbridge, validated) == f"all {CHANGED} rows that changed since the last comparison are equal"
    assert validated.sql("target", "select count(*), max(id) from orders") == [(3005, 9500)]


def test_a_changed_row_that_differs_voids_the_switch_and_the_next_one_compares_everything(
    landbridge: Run, validated: Shop
) -> None:
    assert landbridge("migrate", str(validated.file), "--until", "caught-up").code == 0
    validated.sql("target", "update orders set total = total + 0.01 where id = 9003 returning id")
    void = landbridge("cutover", str(validated.file), "--yes")
    assert void.code == 1
    assert "1 differing row(s)" in void.err
    validated.sql("source", "update orders set total = 5 where id = 1 returning id")  # it takes writes again
    assert "differed in round" in landbridge("cutover", str(validated.file), "--yes").err
    validated.sql("target", "update orders set total = total - 0.01 where id = 9003 returning id")
    assert landbridge("migrate", str(validated.file), "--yes").code == 0
    assert final_check(landbridge, validated) == "all 3,512 rows are equal"

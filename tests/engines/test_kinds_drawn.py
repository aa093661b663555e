"""Every kind from engine to engine with values that Hypothesis draws: some by the load, the others as changes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from landbridge.errors import RowRejected
from tests.engines import drawn
from tests.engines.sweep import Sweep
from tests.engines.test_kinds_sweep import pair  # noqa: F401

ROWS = 16
FEW = settings(
    max_examples=2,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # what fails fails again as it is: to make it smaller takes longer than to look at it
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
MANY = settings(FEW, max_examples=60)
DIRECTIONS = {
    "mysql-postgres": ("mysql_server", "postgres_server", drawn.MYSQL),
    "mariadb-postgres": ("mariadb11_server", "postgres_server", drawn.MYSQL),
    "mariadb-mysql": ("mariadb11_server", "mysql_server", drawn.MYSQL),
    "mysql-mariadb": ("mysql_server", "mariadb11_server", drawn.MYSQL),
    "postgres-mysql": ("postgres_server", "mysql_server", drawn.TO_MYSQL),
    "postgres-mariadb": ("postgres_server", "mariadb11_server", drawn.TO_MYSQL),
    "postgres-postgres": ("postgres_server", "postgres_target_server", drawn.TO_POSTGRES),
}


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_drawn_values_arrive(pair: Callable[..., Sweep], direction: str) -> None:  # noqa: F811
    FEW(given(st.data())(lambda data: _arrive(pair, direction, data)))()


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_many_drawn_values_arrive(pair: Callable[..., Sweep], direction: str) -> None:  # noqa: F811
    MANY(given(st.data())(lambda data: _arrive(pair, direction, data)))()


def _arrive(pair: Callable[..., Sweep], direction: str, data: Any) -> None:  # noqa: F811
    source, target, columns = DIRECTIONS[direction]
    rows = data.draw(drawn.rows(columns, ROWS))
    sweep = pair(source, target)
    names = [f"c{number}" for number in range(len(columns))]
    places = ["%s" + f"::{column.native}" * source.startswith("postgres") for column in columns]
    insert = f"insert into drawn values (%s, {', '.join(places)})"
    update = f"update drawn set {', '.join(f'{n} = {p}' for n, p in zip(names, places, strict=True))} where id = %s"
    sweep.run(
        "create table drawn (id int primary key, "
        + ", ".join(f"{name} {column.native}" for name, column in zip(names, columns, strict=True))
        + ")"
    )
    half, most = ROWS // 2, ROWS * 3 // 4

    def later() -> None:
        for number, row in enumerate(rows[half:most]):
            sweep.run(insert, (half + number, *row))
        for number, row in enumerate(rows[most:]):
            sweep.run(update, (*row, number))
        sweep.run("update drawn set id = id + 1000 where id = 1", ())
        sweep.run("delete from drawn where id = 7", ())

    for number, row in enumerate(rows[:half]):
        sweep.run(insert, (number, *row))
    sweep.follow(later)
    assert [loss for loss in sweep.losses["drawn"] if loss.blocking] == []
    sweep.verify()
    assert len(sweep.found("drawn")) == most - 1


def test_a_uuid_that_mariadb_has_not(pair: Callable[..., Sweep]) -> None:  # noqa: F811
    sweep = pair("postgres_server", "mariadb11_server")
    sweep.run("create table odd (id uuid primary key); insert into odd values ('7fffffff-ffff-ffff-ffff-ffffffffffff')")
    sweep.plan()
    sweep.load(sweep.tables[0])
    sweep.verify()
    assert "byte 9" in sweep.losses["odd"][0].what
    sweep.run("update odd set id = '01020304-0506-8007-8009-010203040506'")
    with pytest.raises(RowRejected, match="1292"):
        sweep.load(sweep.tables[0])

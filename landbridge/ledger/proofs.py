"""Validation rounds and the differences they found."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from landbridge.ledger import layout as t
from landbridge.model import Position


@dataclass(frozen=True, kw_only=True)
class Difference:
    """
    what: 'missing' on the target, 'extra' there, 'different', or 'rows' when only counts are known. key: the row's key
    as canonical texts (a key is an address, not the row's content). columns: names of those that differ.
    """

    table_number: int
    key: str | None
    what: str
    columns: str = ""


def begin_round(connection: sa.Connection, run: str) -> int:
    c = t.validations.c
    number = int(connection.execute(sa.select(sa.func.max(c.round)).where(c.run == run)).scalar_one() or 0) + 1
    connection.execute(t.validations.insert().values(run=run, round=number, started=time.time()))
    return number


def finish_round(
    connection: sa.Connection, run: str, number: int, *, position: Position | None, passed: bool, detail: dict[str, Any]
) -> None:
    c = t.validations.c
    values = {"position": position, "passed": passed, "detail": detail, "finished": time.time()}
    connection.execute(t.validations.update().where((c.run == run) & (c.round == number)).values(**values))


def latest_round(connection: sa.Connection, run: str, *, whole: bool = False) -> dict[str, Any] | None:
    """The latest finished round; whole: the latest of everything at a position, so none of those in a switch."""
    c = t.validations.c
    which = (c.run == run) & c.finished.is_not(None) & (c.position.is_not(None) if whole else sa.true())
    query = sa.select(t.validations).where(which).order_by(c.round.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else dict(row._mapping)


def add_differences(connection: sa.Connection, run: str, number: int, found: Sequence[Difference]) -> None:
    rows = [{"run": run, "round": number, "number": place, **asdict(d)} for place, d in enumerate(found)]
    if rows:
        connection.execute(t.differences.insert(), rows)


def differences(connection: sa.Connection, run: str, number: int) -> list[Difference]:
    c = t.differences.c
    query = sa.select(c.table_number, c.key, c.what, c.columns).where((c.run == run) & (c.round == number))
    return [Difference(**row._mapping) for row in connection.execute(query.order_by(c.table_number, c.number))]

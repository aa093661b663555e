"""The source at one moment: clock, end of the log, and the transaction that has been open longest."""

from typing import Any

from landbridge.endpoints.abc import Pulse
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.log.binlog import place, position
from landbridge.endpoints.mysql.log.open_transactions import OPEN
from landbridge.endpoints.mysql.read import sessions
from landbridge.model import Position


def pulse(database: Database, positions: tuple[Position, ...]) -> Pulse:
    with sessions.reading(database) as driver:
        ((clock,),) = sessions.query(driver, "select unix_timestamp(now(6))")
        logs = [(row[0].decode(), int(row[1])) for row in sessions.query(driver, "show binary logs")]
        return Pulse(
            clock=float(clock),
            end=position(*logs[-1]),
            behind=tuple(_behind(logs, each) for each in positions),
            oldest=_oldest(driver),
        )


def _behind(logs: list[tuple[str, int]], at: Position) -> int | None:
    file, offset = place(at)
    names = [name for name, _ in logs]
    if file not in names:
        return None
    return max(0, sum(size for _, size in logs[names.index(file) :]) - offset)


def _oldest(driver: Any) -> tuple[float, str] | None:
    found = [(float(seconds), f"session {int(session)}") for session, _, seconds in sessions.query(driver, OPEN)]
    return max(found, default=None)

"""The source at one moment: clock, end of the log, and the transaction that has been open longest."""

from typing import Any

from landbridge.endpoints.abc import Pulse
from landbridge.endpoints.postgres.log import slots
from landbridge.endpoints.postgres.log.lsn import AS_NUMBER, number, position
from landbridge.model import Position

_NOW = f"""
    select extract(epoch from clock_timestamp())::float8, {AS_NUMBER % "pg_catalog.pg_current_wal_insert_lsn()"}
"""


def pulse(cursor: Any, positions: tuple[Position, ...]) -> Pulse:
    cursor.execute(_NOW)
    clock, end = cursor.fetchone()
    return Pulse(
        clock=clock,
        end=position(end),
        behind=tuple(max(0, end - number(each)) for each in positions),
        oldest=slots.oldest_writer(cursor),
    )

"""
What the binlog still has past a position, and for how long. A file goes by its age, once nothing was written to it for
binlog_expire_logs_seconds (manual: "Replication and Binary Logging Options and Variables"), the newest one never.
"""

import pymysql

from landbridge.endpoints.abc import Held
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.log.binlog import place
from landbridge.endpoints.mysql.read import sessions
from landbridge.model import Position

_EXPIRY = ("binlog_expire_logs_seconds", "expire_logs_days")
_DAY = 86_400


def held(database: Database, since: Position, committed: float) -> Held:
    file, offset = place(since)
    with sessions.reading(database) as driver:
        logs = [(row[0].decode(), int(row[1])) for row in sessions.query(driver, "show binary logs")]
        expiry = _expiry(driver)
        ((now,),) = sessions.query(driver, "select unix_timestamp()")
    names = [name for name, _ in logs]
    if file not in names:
        return Held(state="lost")
    size = sum(size for _, size in logs[names.index(file) :]) - offset
    newest = file == names[-1]
    if not expiry or not (newest or committed):
        return Held(state="kept", bytes=size)
    old = 0.0 if newest else max(0.0, float(now) - committed)
    return Held(state="kept", bytes=size, seconds_left=max(0.0, expiry - old))


def _expiry(driver: object) -> float:
    """Seconds after which a file goes; 0: never."""
    for name in _EXPIRY:
        try:
            ((value,),) = sessions.query(driver, f"select @@global.{name}")
        except pymysql.err.OperationalError:
            continue  # this flavour or version does not know it
        return float(value) * (_DAY if name.endswith("days") else 1)
    return 0.0

"""
Waiting until what is in the log is also in the tables: a transaction is written to the log before the storage engine
shows its rows, and a prepared one long before.
"""

import time
from typing import Any

import pymysql
from pymysql.constants import ER

from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.errors import Terminal, Transient

_POLL = 0.25
"""Seconds; information_schema.innodb_trx shows a copy that is up to 0.1 s old, so the first look comes after one."""

# One that has changed nothing so far has nothing in the log. It is known by session and start: its number changes with
# its first write.
OPEN = """
    select trx_mysql_thread_id, trx_started, timestampdiff(second, trx_started, now())
    from information_schema.innodb_trx where trx_rows_modified > 0
"""

Marks = dict[object, str]
"""What tells a transaction from all others, and how a person would name it."""


def wait(database: Database, patience: float) -> None:
    """Returns once all that are open now have ended. Raises Transient, naming them, after `patience` seconds."""
    deadline = time.monotonic() + patience
    with driver_errors(database.ref), closing(database.open()) as driver:
        time.sleep(_POLL)
        waited = _open(driver) | _prepared(driver)
        while waited:
            if time.monotonic() > deadline:
                raise Transient(
                    f"transactions older than the capture have not ended: {', '.join(sorted(waited.values()))}",
                    mend="end them: COMMIT, ROLLBACK or KILL the session; XA COMMIT or XA ROLLBACK what is prepared",
                )
            time.sleep(_POLL)
            still = _open(driver) | _prepared(driver)
            waited = {mark: still[mark] for mark in waited if mark in still}


def _open(driver: Any) -> Marks:
    with driver.cursor() as cursor:
        cursor.execute(OPEN)
        found = cursor.fetchall()
    return {(session, started): f"session {session}, open for {seconds} s" for session, started, seconds in found}


def _prepared(driver: Any) -> Marks:
    with driver.cursor() as cursor:
        try:
            cursor.execute("xa recover")
        except pymysql.Error as error:
            if error.args[0] != ER.XAER_RMERR:
                raise
            raise Terminal(
                "this login may not see prepared transactions, whose rows would be lost",
                mend="GRANT XA_RECOVER_ADMIN ON *.* TO the source's user",
            ) from None
        return {("xa", row): f"XA transaction {row[3]}" for row in cursor.fetchall()}

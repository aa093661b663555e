"""
What a server's log has, as sets of transactions: up to a place in it, and where another server's stream goes on in it.
"""

from typing import Any

from pymysqlreplication.constants import BINLOG

from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.endpoints.mysql.log import binlog
from landbridge.endpoints.mysql.log.gtid import BEGINNINGS, UNKNOWN, GtidSet, span_of
from landbridge.endpoints.mysql.log.passed import Passed
from landbridge.endpoints.mysql.processlist import applies
from landbridge.errors import PositionLost, Transient
from landbridge.model import Position

_LISTS = ("Previous_gtids", "Gtid_list")
_HEAD = 5
"""Events at the beginning of a file among which its list is."""

_LISTED = 5
"""Transactions that an error names."""


def at(database: Database, position: Position) -> GtidSet | None:
    """
    Every transaction in the log up to here; None when not all have names. The file's own list tells what was before it,
    its events the rest: they are read from its beginning.
    """
    file, offset = binlog.place(position)
    with driver_errors(database.ref), closing(database.open()) as driver:
        sizes = {row[0]: int(row[1]) for row in fetch(driver, "show binary logs")}
        if offset > sizes.get(file, -1):
            return None  # the stream itself says that the place is lost
        found = _before(driver, file, mariadb=database.is_mariadb(driver))
    if found is None or offset <= binlog.FIRST:
        return found
    with binlog.dump(database, file, binlog.FIRST) as dump:
        dump.unpacking = False
        for event in dump:
            if dump.file != file or event[2] > offset or event[0] == BINLOG.HEARTBEAT_LOG_EVENT:
                break
            if event[0] in BEGINNINGS:
                span = span_of(event)
                if span is None:
                    return None
                found.add(*span)
            if event[2] == offset:
                break
    return found


def _before(driver: Any, file: str, *, mariadb: bool) -> GtidSet | None:
    for row in fetch(driver, f"show binlog events in %s limit {_HEAD}", (file,)):
        if row[2] in _LISTS:
            return GtidSet.of_server(str(row[5]), mariadb=mariadb)
    return None


def require(history: Passed, passed: str, since: Position) -> None:
    """Raises PositionLost when the log up to `since` lacks what was passed: it was begun anew, or restored."""
    if not passed or UNKNOWN in passed or history.history is None or not history.known:
        return
    missing = history.history.lacking(GtidSet(passed))
    if missing:
        raise PositionLost(
            f"the log is not the one that it was: up to {since} it lacks transactions that were applied to the target "
            f"({_shown(missing)}), so it was begun anew, or the server was restored from an older copy",
            mend="begin the migration again under another plan name with an empty target",
        )


def resume(database: Database, passed: str) -> Position:
    """
    Where the log of another server goes on after these transactions: the beginning of the newest file before which it
    had nothing else. Raises PositionLost unless all of them are in its log, and all others, too; Transient while the
    server may still be taking in what it got from the first one.
    """
    if not passed or UNKNOWN in passed:
        raise _lost("what was applied has no names that another server knows")
    known = GtidSet(passed)
    with driver_errors(database.ref), closing(database.open()) as driver:
        mariadb = database.is_mariadb(driver)
        _require_all(driver, known, mariadb=mariadb)
        files = [str(row[0]) for row in fetch(driver, "show binary logs")]
        for file in reversed(files):
            before = _before(driver, file, mariadb=mariadb)
            if before is not None and not known.lacking(before):
                return binlog.position(file, binlog.FIRST)
    raise _lost("its log was purged past what was applied")


def _require_all(driver: Any, known: GtidSet, *, mariadb: bool) -> None:
    """MariaDB's variable is what stands in the log itself, MySQL's what was executed, and so is in the log."""
    ((text,),) = fetch(driver, "select @@gtid_binlog_state" if mariadb else "select @@global.gtid_executed")
    has = GtidSet.of_server(str(text), mariadb=mariadb)
    missing = has.lacking(known)
    if missing and applies(driver):
        raise Transient(
            f"the new source has not yet taken in all that was applied to the target: {_shown(missing)}",
            mend="wait until it has; the stream goes on by itself",
        )
    if missing:
        raise _lost(f"it lacks transactions that were applied to the target: {_shown(missing)}")


def _shown(spans: GtidSet) -> str:
    parts = str(spans).split(",")
    return ", ".join(parts[:_LISTED]) + (f" and {len(parts) - _LISTED} more" if len(parts) > _LISTED else "")


def _lost(why: str) -> PositionLost:
    return PositionLost(
        f"the stream cannot go on at the server that is the source now: {why}",
        mend="point the plan at a server that has them, or begin again under another plan name with an empty target",
    )

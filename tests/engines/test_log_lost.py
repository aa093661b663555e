"""The source's log goes on without us: told while there is time, then a clear stop, and never a silent new beginning."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from landbridge import alarms, ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes
from landbridge.errors import PositionLost
from landbridge.figures import Meter
from landbridge.runfolder import RunFolder
from tests.altered import Altered, End, altered

SETUP = ("create table t (id int primary key)", "insert into t values (1)")


class Told:
    """What the alarm of the log's loss says, one look after the other."""

    def __init__(self, here: Altered) -> None:
        pair = here.pair
        self._meter = Meter(pair.source, pair.target, pair.run, RunFolder(here.folder))
        self._settings, self.said = pair.plan.alarms, list[str]()

    def look(self) -> None:
        found = {each.alarm: each.found for each in alarms.judge(self._meter.measure(), self._settings, frozenset())}
        self.said.append(found["log_loss"])


def stops_for_good(here: Altered, match: str) -> None:
    before, position = here.target.run("select * from t order by id"), here.row().position
    for _ in range(2):
        here.replication.start()
        with pytest.raises(PositionLost, match=match) as caught:
            here.wait(lambda: False)
        assert "new" in caught.value.mend or "again" in caught.value.mend
    assert here.target.run("select * from t order by id") == before
    assert here.row().position == position


@pytest.mark.parametrize("source", ["mariadb_server", pytest.param("mysql_server", marks=pytest.mark.long)])
def test_a_log_that_is_purged_while_nobody_reads(
    source: str, request: pytest.FixtureRequest, mysql_database: Any, postgres_target_server: Any,
    postgres_database: Any, session_folder: Path,
) -> None:  # fmt: skip
    server = request.getfixturevalue(source)
    ends = End(server, mysql_database(server)), End(postgres_target_server, postgres_database(postgres_target_server))
    with altered(*ends, session_folder, *SETUP) as here:
        ((kept,),) = here.source.run("select @@global.binlog_expire_logs_seconds")
        told = Told(here)
        with here.replication:
            here.catch_up()
            told.look()
            here.source.run("set global binlog_expire_logs_seconds = 36000")
            told.look()
            here.source.run(f"set global binlog_expire_logs_seconds = {kept}")
        here.source.run("insert into t values (2)", "flush binary logs", "insert into t values (3)")
        newest = connect(here.pair.plan.source).get(Changes).here().split(":")[2]
        here.wait(lambda: (here.source.run(f"purge binary logs to '{newest}'"), files(here) == [newest])[1])
        told.look()
        stops_for_good(here, "no longer has the position")
        assert here.target.run("select id from t") == [(1,)]
    assert told.said[0] == ""
    assert told.said[1] == "the source keeps its log for 10.0 h more"
    assert told.said[2] == "the source has no longer what is not applied yet"


def files(here: Altered) -> list[str]:
    return [row[0] for row in here.source.run("show binary logs")]


def test_a_slot_that_is_invalidated_while_apply_stands_still(
    start_postgres: Callable[..., Any], postgres_target_server: Any, postgres_database: Any, session_folder: Path
) -> None:
    """The server ends the session that reads, too: it must not begin again somewhere else."""
    server = start_postgres(None, "max_slot_wal_keep_size=64MB", "min_wal_size=32MB", "max_wal_size=32MB")
    ends = End(server, "postgres"), End(postgres_target_server, postgres_database(postgres_target_server))
    with altered(*ends, session_folder, *SETUP) as here:
        told = Told(here)
        with here.replication:
            here.catch_up()
            told.look()
            with here.engine.begin() as connection:
                ledger.set_hold(connection, here.pair.run, ledger.NOW)
            here.wait(lambda: here.row().held)
            with pytest.raises(PositionLost):
                write_until_it_stops(here, told)
        told.look()
        stops_for_good(here, "invalidated|no longer")
    assert told.said[0] == ""
    assert [said for said in told.said if "the source keeps its log for" in said] != []
    assert told.said[-1] == "the source has no longer what is not applied yet"


def write_until_it_stops(here: Altered, told: Told) -> None:
    for number in range(2, 60):
        here.source.run(f"insert into t values ({number})", "select pg_switch_wal()", "checkpoint")
        told.look()
        here.replication.check()

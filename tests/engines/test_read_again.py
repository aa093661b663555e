"""A busy source whose log holds rows in part: some are read again at any moment, and all goes on none the less."""

from contextlib import closing
from itertools import cycle
from threading import Event, Thread

from landbridge.catch_up import wait_consistent
from landbridge.figures import Meter
from landbridge.runfolder import RunFolder
from tests.altered import Altered
from tests.engines.test_ddl import Make, make
from tests.support import rows
from validation.compare import compare

__all__ = ["make"]

SETUP = (
    "create table t (id int primary key, n int, note varchar(10))",
    "insert into t select seq, 0, 'a' from seq_1_to_1000",
)


def write(here: Altered, stop: Event) -> None:
    """Each of these updates is logged in part, and there is always one in what is applied."""
    with closing(here.source.open()) as session:
        rows(session, "set session binlog_row_image = minimal")
        for number in cycle(range(1, 1001)):
            rows(session, f"update t set n = n + 1 where id = {number}")
            if stop.wait(0.002):
                return


def ahead(here: Altered) -> bool:
    row = here.row()
    return row.consistent is not None and row.position < row.consistent


def test_it_is_caught_up_with(make: Make) -> None:
    here, stop = make("mariadb", "postgres_target", *SETUP), Event()
    writing = Thread(target=write, args=(here, stop))
    meter = Meter(here.pair.source, here.pair.target, here.pair.run, RunFolder(here.folder))
    with here.replication:
        here.catch_up()
        assert meter.measure().reached
        writing.start()
        try:
            here.wait(lambda: ahead(here))
            wait_consistent(here.engine, here.pair.run, here.replication.check, 20)
            assert meter.measure().reached
            pair = here.pair
            assert compare(pair.source, pair.target, pair.run, here.replication.check, patience=60).equal
            here.wait(lambda: ahead(here))
        finally:
            stop.set()
            writing.join()
        here.catch_up()
        here.wait(lambda: not ahead(here))
        here.equal()

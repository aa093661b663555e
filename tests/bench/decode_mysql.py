"""
How fast capture from MySQL and MariaDB is: `python -m tests.bench.decode_mysql [VERSION [ROWS]]`. Reading is the log
alone, decoding the same events from memory, the stream both at once, the spool all of capture.
"""

import contextlib
import gc
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.mysql.log import binlog
from landbridge.endpoints.mysql.log.binlog import Event
from landbridge.endpoints.mysql.log.transactions import Transactions
from landbridge.model import Position
from landbridge.spool import SpoolWriter
from tests.engines.binlog_source import Source
from tests.support import mysql_connection

TABLE = """
    create table orders (id bigint unsigned primary key, user_id int not null, status varchar(20) not null,
      amount decimal(12,2) not null, created_at datetime(6) not null, note varchar(200), active tinyint(1) not null,
      score double, payload longtext) character set utf8mb4
"""
INSERT = """
    insert into orders select n, n * 7919 % 100003, elt(1 + n % 4, 'new', 'paid', 'shipped', 'cancelled'),
      (n * 31 % 1000000) / 100, '2024-01-01' + interval n second + interval (n * 37 % 1000000) microsecond,
      if(n % 10 = 0, null, concat('note ', n, '\\t with tab and \\\\ slash é', repeat('x', n % 60))), n % 2,
      if(n % 7 = 0, null, n / 3), concat('{{"k":', n, ',"tags":["a","b"],"n":"', sha2(n, 224), '"}}')
    from numbers where n between {low} and {high}
"""
OPTIONS = ("--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0", "--innodb-buffer-pool-size=512M")


def main() -> None:
    version = sys.argv[1] if len(sys.argv) > 1 else "10.11"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    with _source(version) as source:
        source.run(TABLE, "create table numbers (n int primary key)", "insert into numbers values (1)")
        for power in range(count.bit_length()):
            source.run(f"insert into numbers select n + {2**power} from numbers")
        print(f"{source.ask('select version()')[0][0]}, 9 columns, some 230 bytes a row")
        since = source.log.here()
        images = _large(source, count)
        _measure(source, since, f"{count:,} inserts, half updated, a quarter deleted", images)
        since = source.log.here()
        images = _small(source, count // 20)
        _measure(source, since, f"{images:,} inserts, one a transaction", images)
    print(f"largest resident size: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _large(source: Source, count: int) -> int:
    """One transaction each; an update has two images of its row."""
    source.run(INSERT.format(low=1, high=count), "update orders set amount = amount + 1, status = 'x' where id % 2 = 0")
    source.run("delete from orders where id % 4 = 1")
    return count + count // 2 * 2 + count // 4


def _small(source: Source, count: int) -> int:
    source.run("delete from orders where id <= 2 * (select count(*) from numbers)")
    for number in range(1, count + 1):
        source.run(INSERT.format(low=number, high=number))
    return count


def _measure(source: Source, since: Position, what: str, images: int) -> None:
    tables, end = source.plan("orders"), source.log.here()
    print(what)
    log = _report("the log read", images, lambda: list(_read(source, since, end)))
    made = source.log._source([table.source for table in tables])
    _report("decoded from memory", images, lambda: _decode(Transactions(tables, made, since), log))
    log.clear()
    _report("stream", images, lambda: _stream(source, since, tables, end))
    _report("stream into the spool", images, lambda: _spool(source, since, tables, end))


def _read(source: Source, since: Position, end: Position) -> Iterator[Event]:
    file, offset = binlog.place(since)
    with binlog.dump(source.database, file, offset) as dump:
        for event in dump:
            yield event
            if dump.file and binlog.position(dump.file, event[2]) >= end:
                return


def _decode(transactions: Transactions, log: list[Event]) -> None:
    for event in log:
        transactions.take(event)


def _stream(source: Source, since: Position, tables: Any, end: Position) -> None:
    with source.log.stream("bench", since, tables) as stream:
        for transaction in stream:
            if transaction.last and transaction.position >= end:
                return


def _spool(source: Source, since: Position, tables: Any, end: Position) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(SpoolWriter.create(Path(folder), "bench", since)) as spool,
        source.log.stream("bench", since, tables) as stream,
    ):
        for transaction in stream:
            spool.append(transaction)
            if transaction.last and transaction.position >= end:
                break
        spool.flush()


def _report(what: str, images: int, measured: Callable[[], Any]) -> Any:
    gc.collect()
    began, used = time.perf_counter(), time.process_time()
    kept = measured()
    took, used = time.perf_counter() - began, time.process_time() - used
    print(f"  {what:24} {images / took:>9,.0f} row images/s, {images / used:>9,.0f} on one core of ours")
    return kept


@contextlib.contextmanager
def _source(version: str) -> Iterator[Source]:
    program = mysql.find(version)
    if program is None:
        raise SystemExit(f"no server of version {version} is on this machine: run tests/servers/install.sh")
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as folder:
        server = mysql.start(Path(folder) / "server", program=program, options=OPTIONS)
        try:
            mysql.create_database(server, "bench")
            with contextlib.closing(mysql_connection(server, "bench")) as connection:
                yield Source(server=server, name="bench", connection=connection)
        finally:
            mysql.remove(Path(folder) / "server")


if __name__ == "__main__":
    main()

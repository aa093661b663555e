"""The servers and the table that are measured on: private, and gone when the measuring is over."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from tests.support import mysql_connection, rows

DATABASE = "bench"

_MYSQL_OPTIONS = ("--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0", "--innodb-buffer-pool-size=512M")
_POSTGRES_OPTIONS = ("synchronous_commit=off", "max_wal_size=8GB", "shared_buffers=256MB")

_TABLE = """
create table orders (
  id bigint unsigned auto_increment primary key, customer int not null, status varchar(20) not null,
  total decimal(12,2) not null, placed datetime(6) not null, remark varchar(200), open tinyint(1) not null, weight double,
  document longtext, key (customer), key (placed)) engine=innodb default charset=utf8mb4"""

_FILL = """
insert into orders (id, customer, status, total, placed, remark, open, weight, document)
select seq + {offset}, seq * 7919 % 100003, elt(1 + seq % 4, 'new', 'paid', 'shipped', 'cancelled'), (seq * 31 % 1000000) / 100,
  '2024-01-01' + interval seq second + interval (seq * 37 % 1000000) microsecond,
  if(seq % 10 = 0, null, concat('remark ', seq, '\\t with tab and \\\\ slash é', repeat('x', seq % 60))), seq % 2,
  if(seq % 7 = 0, null, seq / 3), concat('{{"k":', seq, ',"tags":["a","b"],"n":"', md5(seq), '"}}')
from seq_{low}_to_{high}"""

_CHANGES = (
    ("insert", 200_000, _FILL),
    (
        "update",
        100_000,
        "update orders set status = 'changed', total = total + 1, weight = id where id between {low} and {high}",
    ),
    ("delete", 50_000, "delete from orders where id between {low} + {half} and {high} + {half}"),
)
_OFFSET = 10_000_000
"""Where the keys of new rows begin."""

_BATCH = 100
"""Rows that one transaction changes."""


@dataclass(frozen=True, kw_only=True)
class Servers:
    mysql: mysql.Server
    source: postgres.Server
    target: postgres.Server
    folder: Path


@contextlib.contextmanager
def servers() -> Iterator[Servers]:
    folder = Path(tempfile.mkdtemp(prefix="landbridge-bench-"))
    folder.chmod(0o755)  # the servers may run as another user
    program = mysql.find("10.11") or mysql.find("mariadb")
    if program is None:
        raise SystemExit("a MariaDB server program is needed: run tests/servers/install.sh")
    try:
        yield Servers(
            mysql=mysql.start(folder / "mysql", program=program, options=_MYSQL_OPTIONS),
            source=postgres.start(folder / "source", options=_POSTGRES_OPTIONS),
            target=postgres.start(folder / "target", options=_POSTGRES_OPTIONS),
            folder=folder,
        )
    finally:
        mysql.remove(folder / "mysql")
        postgres.remove(folder / "source")
        postgres.remove(folder / "target")
        shutil.rmtree(folder, ignore_errors=True)


def fill(found: Servers, number: int) -> None:
    """The table of that many rows on both sources, the same rows."""
    mysql.create_database(found.mysql, DATABASE)
    with contextlib.closing(mysql_connection(found.mysql, DATABASE)) as connection:
        rows(connection, _TABLE)
        for low in range(1, number, 100_000):
            rows(connection, _FILL.format(low=low, high=min(low + 99_999, number), offset=0))
        rows(connection, "analyze table orders")


def changes(found: Servers, whole_table: int, scale: float) -> int:
    """Writes the changes into the MySQL source, small transactions, and returns how many row changes they are."""
    made = 0
    with contextlib.closing(mysql_connection(found.mysql, DATABASE)) as connection, connection.cursor() as cursor:
        for _, whole, statement in _CHANGES:
            number = int(whole * scale)
            for low in range(1, number, _BATCH):
                values = {"low": low, "high": low + _BATCH - 1, "offset": _OFFSET, "half": whole_table // 2}
                cursor.execute(statement.format(**values))
                made += cursor.rowcount
    return made

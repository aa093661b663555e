"""
What we are measured against while changes flow: the replication that each engine brings itself. A family here is three
servers of it: the source, our target, and a third that follows by the engine's own means.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from tests.support import mysql_connection, postgres_connection, rows

DATABASE = "bench"
_POSTGRES = (
    "synchronous_commit=off", "max_wal_size=8GB", "shared_buffers=256MB", "autovacuum=off", "wal_sender_timeout=0",
    "wal_receiver_timeout=0",
)  # fmt: skip
"""Vacuuming, which begins by chance while one or the other follows, would cost it up to half of a processor."""
_MYSQL = (
    "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0", "--innodb-buffer-pool-size=512M", "--local-infile=ON",
    "--innodb-redo-log-capacity=2G",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Family:
    """session: to a server's database, committing by itself. pause, go_on: of the native replication."""

    engine: str
    schema: str
    source: Any
    target: Any
    native: Any
    session: Callable[[Any], Any]
    pause: Callable[[], None]
    go_on: Callable[[], None]

    def ref(self, server: Any) -> dict[str, Any]:
        one = {"database": DATABASE} if self.engine == "postgres" else {}
        return {"engine": self.engine, "host": server.host, "port": server.port, "user": server.user} | one


@contextlib.contextmanager
def postgres_family(folder: Path, tables: list[str], fill: list[str]) -> Iterator[Family]:
    """A subscription, with the server's defaults."""
    servers = []
    try:
        for name in ("source", "target", "native"):
            servers.append(postgres.start(folder / f"pg-{name}", options=_POSTGRES))
            postgres.create_database(servers[-1], DATABASE)
        source, target, native = servers
        with contextlib.closing(_postgres(source)) as at_source, contextlib.closing(_postgres(native)) as at_native:
            for connection in (at_source, at_native):
                for statement in [*tables, *fill, "vacuum analyze"]:
                    rows(connection, statement)
            rows(at_source, "create publication native for all tables")
            login = f"host={source.host} port={source.port} user={source.user} dbname={DATABASE}"
            rows(
                at_native,
                f"create subscription native connection '{login}' publication native with (copy_data = false)",
            )
            yield Family(
                engine="postgres", schema="public", source=source, target=target, native=native, session=_postgres,
                pause=lambda: _signal_worker(at_native, signal.SIGSTOP),
                go_on=lambda: _signal_worker(at_native, signal.SIGCONT),
            )  # fmt: skip
    finally:
        for name in ("source", "target", "native"):
            postgres.remove(folder / f"pg-{name}")


def _postgres(server: Any) -> Any:
    return postgres_connection(server, DATABASE)


def _run(connection: Any, sql: str) -> None:
    rows(connection, sql)


def _signal_worker(connection: Any, which: signal.Signals) -> None:
    """As ours are stopped: one that begins anew has the source decode again what it had sent before."""
    while not (found := rows(connection, "select pid from pg_stat_subscription where pid is not null")):
        time.sleep(0.05)
    os.kill(found[0][0], which)


@contextlib.contextmanager
def mysql_family(folder: Path, tables: list[str], fill: list[str]) -> Iterator[Family]:
    """A replica of MySQL, with the server's defaults (four workers)."""
    program = mysql.find("9.7") or mysql.find("mysql")
    if program is None:
        raise SystemExit("a MySQL server program is needed: run tests/servers/install.sh")
    try:
        source, target, native = (
            mysql.start(folder / f"my-{name}", program=program, options=_MYSQL)
            for name in ("source", "target", "native")
        )
        with contextlib.closing(mysql_connection(native)) as at_native:
            with contextlib.closing(mysql_connection(source)) as at_source:
                rows(at_source, "create user native identified by 'native'")
                rows(at_source, "grant replication slave on *.* to native")
                rows(at_source, "reset binary logs and gtids")
                rows(at_native, "reset binary logs and gtids")
            rows(
                at_native,
                f"change replication source to source_host = '{source.host}', source_port = {source.port},"
                " source_user = 'native', source_password = 'native', source_auto_position = 1,"
                " get_source_public_key = 1, source_connect_retry = 1",
            )
            rows(at_native, "start replica")
            mysql.create_database(source, DATABASE)
            mysql.create_database(target, DATABASE)
            with contextlib.closing(_mysql(source)) as at_source:
                for statement in [*tables, *fill]:
                    rows(at_source, statement)
            yield Family(
                engine="mysql", schema=DATABASE, source=source, target=target, native=native, session=_mysql,
                pause=lambda: _run(at_native, "stop replica"), go_on=lambda: _run(at_native, "start replica"),
            )  # fmt: skip
    finally:
        for name in ("source", "target", "native"):
            mysql.remove(folder / f"my-{name}")


def _mysql(server: Any) -> Any:
    return mysql_connection(server, DATABASE)

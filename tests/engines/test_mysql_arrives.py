"""From the binlog through apply into a table: what is not a plain row image, and logins that are not plain either."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from landbridge.change import INSERT
from landbridge.endpoints.mysql.changes import ChangeLog
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.log import binlog
from landbridge.endpoints.postgres import server as postgres
from landbridge.plan import EndpointRef
from tests.engines.binlog_source import SERVERS, Source, on_mysql, opened
from tests.engines.test_mysql_images import FromBinlog
from tests.engines.test_mysql_prepared import finish, prepare
from tests.support import rows


@pytest.fixture(params=SERVERS)
def source(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Source]:
    with opened(request.getfixturevalue(request.param), mysql_database) as found:
        yield found


@pytest.fixture
def stage(
    source: Source, postgres_server: postgres.Server, postgres_database: Callable[[], str], tmp_path: Path
) -> Iterator[FromBinlog]:
    made = FromBinlog(source, postgres_server, postgres_database(), tmp_path)
    yield made
    made.target.close()


def test_prepared_transactions_arrive_when_they_are_committed(stage: FromBinlog) -> None:
    """Another capture reads the commit than the one that read the rows; the one rolled back never comes."""
    source = stage.log
    source.run("create table t (id int primary key, v int)", "insert into t values (1, 1), (2, 2), (3, 3), (4, 4)")
    rows(
        stage.target, "create table t (id int primary key, v int); insert into t values (1, 1), (2, 2), (3, 3), (4, 4)"
    )
    stage.begin("t")
    since = source.log.here()
    prepare(source, "'a'", "update t set v = 10 where id = 1", "insert into t values (5, 5)")
    prepare(source, "'gone'", "delete from t where id = 2")
    source.run("update t set v = 40 where id = 4")
    stage.follow(since)
    assert sorted(rows(stage.target, "select * from t")) == [(1, 1), (2, 2), (3, 3), (4, 40)]
    later = source.log.here()
    finish(source, "xa rollback 'gone'")
    finish(source, "xa commit 'a'")
    source.run("update t set id = 50 where id = 5")
    stage.follow(later)
    assert sorted(rows(stage.target, "select * from t")) == sorted(source.ask("select * from t"))
    assert (50, 5) in rows(stage.target, "select * from t")


@on_mysql
@pytest.mark.parametrize("image", ["full", "minimal"])
def test_partial_documents_arrive_whole(stage: FromBinlog, image: str) -> None:
    """The differences are carried out on the image before; where that is not in the log, the row is read again."""
    source = stage.log
    source.run("create table t (id int primary key, doc json, n int)")
    rows(stage.target, "create table t (id int primary key, doc json, n int)")
    stage.begin("t")
    since = source.log.here()
    source.run(
        "set session binlog_row_value_options = partial_json",
        f"set session binlog_row_image = {image}",
        """insert into t values (1, '{"a": [1, 2, {"b": "long long long long long long long long"}], "c": null}', 1)""",
        "insert into t select 2, doc, 2 from t",
        "update t set doc = json_set(doc, '$.a[2].b', 'x') where id = 1",
        "update t set doc = json_remove(doc, '$.a[0]'), n = 3 where id = 2",
        "update t set doc = json_array_append(doc, '$.a', 1.50) where id = 1",
        "update t set id = 3, doc = json_set(doc, '$.d', json_array()) where id = 1",
    )
    _, offset, file = since.split(":")
    kinds = {row[2] for row in source.ask(f"show binlog events in '{file}' from {int(offset)}")}
    assert "Update_rows_partial" in kinds
    stage.follow(since)
    wanted = [(key, json.loads(doc), n) for key, doc, n in sorted(source.ask("select * from t"))]
    assert sorted(rows(stage.target, "select * from t"), key=str) == wanted
    assert wanted[0][1] == {"a": [2, {"b": "long long long long long long long long"}], "c": None}


def _login(source: Source, tls: Any) -> Database:
    server = source.server
    ref = EndpointRef(
        engine="mysql", host=server.host, port=server.port, user="sha2", password="env:SHA2_PASSWORD", tls=tls
    )
    return Database(ref)


@on_mysql
@pytest.mark.parametrize(("tls", "spoken"), [("require", "TLSv1.3"), ("disable", None)])
def test_the_log_by_the_newest_login_and_encryption(
    source: Source, tls: str, spoken: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """caching_sha2_password in full, as the server knows nobody yet: inside of TLS, or by the server's public key."""
    monkeypatch.setenv("SHA2_PASSWORD", "a longer secret")
    source.run("create table t (id int primary key)")
    tables = source.plan("t")
    source.run(
        "create user sha2@localhost identified with caching_sha2_password by 'a longer secret'",
        "grant replication slave, replication client, process, xa_recover_admin, select on *.* to sha2@localhost",
    )
    try:
        since = source.log.here()
        source.run("insert into t values (1)", "flush privileges")
        database = _login(source, tls)
        with ChangeLog(database).stream("test", since, tables) as stream:
            assert next(iter(stream)).changes == [(INSERT, 0, None, (b"1",))]
        with binlog.dump(database, binlog.place(since)[0], binlog.FIRST) as dump:
            assert getattr(dump._socket, "version", lambda: None)() == spoken
    finally:
        source.run("drop user sha2@localhost")

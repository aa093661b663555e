"""A fence around real sources under real writers: nobody but us and administrators is let in, and all are again later."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from landbridge.endpoints import connect
from landbridge.endpoints.abc import Checks, Describes
from landbridge.endpoints.postgres.connection import Database as PostgresDatabase
from landbridge.endpoints.postgres.freeze import Freezer as PostgresFreezer
from landbridge.errors import Terminal
from tests.engines.checking import maps
from tests.engines.test_freeze import RUN, Source, Writers, source, wait_until
from tests.support import rows

__all__ = ["source"]

FAMILIES = ["mariadb_server", "mysql_server", "postgres_server"]
MARIADB, POSTGRES = FAMILIES[0], FAMILIES[2]

RIGHTS = {
    "postgres": """
        select x.grantor::regrole::text, x.grantee::regrole::text, x.privilege_type, x.is_grantable
        from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x
        where d.datname = current_database() order by 1, 2, 3""",
    "mysql": "select user, host, account_locked from mysql.user order by 1, 2",
    "mariadb": "select user, host, json_value(priv, '$.account_locked') from mysql.global_priv order by 1, 2",
}


def rights(source: Source) -> list[tuple[Any, ...]]:
    """Who may connect."""
    mariadb = source.engine == "mysql" and "MariaDB" in str(source.admin("select version()"))
    found = source.admin(RIGHTS["mariadb" if mariadb else source.engine])
    return [(*row[:2], row[2] in ("true", "1", True)) for row in found] if mariadb else found


def connects(source: Source, **settings: Any) -> bool:
    try:
        with contextlib.closing(source.open(**settings)) as connection:
            return rows(connection, "select 1") == [(1,)]
    except Exception:  # noqa: BLE001  (either driver's)
        return False


@contextlib.contextmanager
def fenced(source: Source) -> Iterator[tuple[str, ...]]:
    said = source.freezer().freeze(RUN, "fence", ())
    try:
        yield said
    finally:
        source.freezer().thaw(RUN, "fence", ())


@pytest.mark.parametrize("source", [*FAMILIES, "postgres_15"], indirect=True)
def test_nobody_comes_in_and_nothing_changes_until_it_is_thawed(source: Source) -> None:
    before = rights(source)
    with Writers(source) as writers:
        assert wait_until(lambda: len(writers.confirmed) > 50)
        with contextlib.closing(source.open()) as reader:
            rows(reader, "select count(*) from t")
            with fenced(source) as said:
                here = source.numbers()
                confirmed = set(writers.confirmed)
                with pytest.raises(Exception):  # noqa: B017, PT011 - by whatever name the driver calls a lost connection
                    rows(reader, "select count(*) from t")
                assert not connects(source)
                source.freezer().freeze(RUN, "fence", ())
                time.sleep(0.5)
                assert not connects(source)
                assert source.numbers() == here
                assert confirmed == writers.confirmed <= here <= confirmed | writers.unknown
        assert rights(source) == before
        assert wait_until(lambda: len(source.numbers()) > len(here) + 20)
    assert any(source.server.user in line for line in said if "connect" in line)


@pytest.mark.parametrize("source", FAMILIES, indirect=True)
def test_the_freeze_is_of_one_kind_until_it_is_thawed(source: Source) -> None:
    with fenced(source), pytest.raises(Terminal, match="another way"):
        source.freezer().freeze(RUN, "read-only", ())
    assert connects(source)


@pytest.mark.parametrize("source", [MARIADB], indirect=True)
def test_accounts_that_others_locked_stay_locked(source: Source) -> None:
    source.admin(f"alter user {source.app}@'127.0.0.1' account lock")
    with fenced(source):
        assert not connects(source)
    assert not connects(source)
    source.admin(f"alter user {source.app}@'127.0.0.1' account unlock")
    assert connects(source)


@pytest.mark.parametrize("source", ["mysql_server"], indirect=True)
def test_what_others_took_offline_stays_so(source: Source) -> None:
    source.admin("set global offline_mode = on")
    try:
        with pytest.raises(Terminal, match="offline mode already"):
            source.freezer().freeze(RUN, "fence", ())
        findings = connect(source.ref).get(Checks).check_source((), "fence")
        assert [found.level for found in findings if found.name == "freeze-already"] == ["refuse"]
        source.freezer().thaw(RUN, "fence", ())
        assert not connects(source)
    finally:
        source.admin("set global offline_mode = off")
    assert connects(source)


@pytest.mark.parametrize("source", [POSTGRES], indirect=True)
def test_the_way_in_is_given_back_to_each_as_it_was(source: Source) -> None:
    """Our own login is no superuser and came in as everybody does; the application may let others in."""
    here = source.database
    owner, mover = f"owner_{here}", f"mover_{here}"
    source.admin(f"create role {owner} login; create role {mover} login replication")
    try:
        source.admin(f"grant {owner}, pg_signal_backend, pg_read_all_stats to {mover}")
        source.admin(f"alter database {here} owner to {owner}")
        source.admin(f"grant connect on database {here} to {source.app} with grant option")
        before = rights(source)
        freezer = PostgresFreezer(PostgresDatabase(source.ref.model_copy(update={"user": mover})), 10)
        freezer.freeze(RUN, "fence", ())
        assert rights(source) != before
        assert not connects(source)
        assert not connects(source, user=owner)
        freezer.freeze(RUN, "fence", ())
        freezer.thaw(RUN, "fence", ())
        assert rights(source) == before
        assert connects(source, user=owner)
        with contextlib.closing(source.open()) as app:
            rows(app, f"grant connect on database {here} to {mover}")
            app.commit()
        with pytest.raises(Terminal, match=f"{mover} by {source.app}"):
            freezer.freeze(RUN, "fence", ())
        assert connects(source)
    finally:
        source.admin(f"alter database {here} owner to {source.server.user}")
        source.admin(f"drop owned by {source.app}, {mover}, {owner}")
        source.admin(f"drop role {mover}, {owner}")


@pytest.mark.parametrize("source", FAMILIES, indirect=True)
def test_precheck_looks_at_it(source: Source) -> None:
    schema = source.database if source.engine == "mysql" else "public"
    tables = maps(connect(source.ref).get(Describes).describe([schema]).tables)
    found = connect(source.ref).get(Checks).check_source(tables, "fence")
    assert [finding.name for finding in found if "freeze" in finding.name and finding.level == "refuse"] == []

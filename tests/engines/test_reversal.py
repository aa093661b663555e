"""What precheck says of a plan that wants a way back: only what could not be right is refused."""

from collections.abc import Callable

from landbridge.endpoints.abc import Finding
from landbridge.endpoints.mysql.server import Server as Mysql
from landbridge.endpoints.postgres.server import Server as Postgres
from landbridge.precheck import precheck
from tests import pair
from tests.support import postgres_connection, rows

TABLES = (
    "create table parent (id serial primary key, code varchar(20) unique, spans interval, seen inet)",
    "create table tagged (id int primary key, tags text[])",
    "create table child (id int primary key, code varchar(20) references parent (code) on delete cascade)",
    "create table bare (n int)",
)


def test_back_from_a_server_that_says_less_than_the_first_one(
    postgres_server: Postgres,
    postgres_database: Callable[..., str],
    mariadb_target_server: Mysql,
    mysql_database: Callable[..., str],
) -> None:
    source, target = postgres_database(postgres_server), mysql_database(mariadb_target_server)
    with postgres_connection(postgres_server, source) as connection:
        for statement in TABLES:
            rows(connection, statement)
    ends = pair.ref("postgres", postgres_server, source), pair.ref("mysql", mariadb_target_server, target)

    def found(**cutover: object) -> tuple[Finding, ...]:
        made = pair.plan("reversal", *ends, "public.*", cutover={"freeze": "read-only", **cutover})
        return precheck(made).findings

    without = {each.name for each in found() if each.level == "refuse"}
    refused = {each.name: each for each in found(way_back=True) if each.level == "refuse"}
    assert refused.keys() - without == {"hidden-cascade", "way-back-column", "way-back-key"}
    assert "as the source of the way back" in refused["hidden-cascade"].found
    assert "code" in refused["hidden-cascade"].found
    columns = [each.found for each in found(way_back=True) if each.name == "way-back-column"]
    assert [each.split(" ")[0] for each in columns] == ["public.tagged.tags"], "texts are what their types say"
    assert any(
        each.found.startswith("on the target, as the source") and each.level == "warn" for each in found(way_back=True)
    )

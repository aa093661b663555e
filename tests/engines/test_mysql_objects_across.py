"""What MariaDB and MySQL do not understand of each other's objects is known before anything is made."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from landbridge.endpoints import connect
from landbridge.endpoints.abc import Carried, Carries, Describes
from landbridge.endpoints.mysql.server import Server
from tests.engines.carrying import carried, like_database, make, ref, run, shown

Databases = Callable[..., str]

ORACLE = (
    """
create package pack as function three return int; procedure noop; end
""",
    """
create package body pack as
  function three return int as begin return 3; end;
  procedure noop as begin null; end;
end
""",
)
AGGREGATE = """
create aggregate function longest(x varchar(20)) returns varchar(20) deterministic begin
  declare r varchar(20) default '';
  declare continue handler for not found return r;
  loop fetch group next row; if length(x) > length(r) then set r = x; end if; end loop;
end
"""


def test_what_only_mariadb_has(
    mariadb_server: Server, mariadb11_server: Server, mysql_server: Server, mysql_database: Databases
) -> None:
    source, name = mariadb_server, mysql_database(mariadb_server)
    run(
        source,
        name,
        "create table t (id int primary key, s varchar(20)) charset utf8mb4",
        AGGREGATE,
        "create sequence numbers",
        "create view of_sequence as select next_not_cached_value n from numbers",
        "create view simple as select concat(s, 'x') as sx, ifnull(id, 0) as i from t where id in (1, 2, 3)",
        "create function plain(a int) returns int deterministic begin if a > 1 then return 2; end if; return a; end",
        "create procedure loops() begin for i in 1..3 do insert into t values (i, 'x'); end for; end",
        "create procedure calls() select natural_sort_key('a'), upper('a')",
        "set sql_mode = 'ORACLE'",
        *ORACLE,
        "create procedure of_oracle as begin select 1; end;",
    )
    same, other = mysql_database(mariadb11_server), mysql_database(mysql_server)
    like_database(source, name, mariadb11_server, same)
    for target, database in ((mariadb11_server, same), (mysql_server, other)):
        run(target, database, "create table t (id int primary key, s varchar(20)) charset utf8mb4")
    run(mariadb11_server, same, "create sequence numbers", "insert into t values (1, 'a'), (2, 'abc'), (3, 'ab')")
    found = carried(source, name, mariadb11_server, same)
    assert {each.reason for each in found.values()} == {""}
    make(mariadb11_server, found)
    for kind, object_name in found:
        if kind != "view":
            assert shown(mariadb11_server, same, kind, object_name) == shown(source, name, kind, object_name)
    assert run(mariadb11_server, same, "select longest(s), pack.three() from t") == [("abc", 3)]

    found = carried(source, name, mysql_server, other)
    refused = {key[1]: each.reason for key, each in found.items() if not each.statements}
    assert set(refused) == {"longest", "loops", "pack", "of_oracle"} | ({"of_sequence"} & set(refused))
    assert "does not understand it: You have an error in your SQL syntax" in refused["loops"]
    assert "ORACLE" in refused["pack"]
    assert "no function natural_sort_key" in found["procedure", "calls"].reason
    made = {key: each for key, each in found.items() if key[1] in ("simple", "plain")}
    make(mysql_server, made)
    run(mysql_server, other, "insert into t values (1, 'a')")
    assert run(mysql_server, other, "select sx, plain(i) from simple") == [("ax", 1)]


@pytest.mark.parametrize("target_server", ["mariadb_server", "mariadb11_server"])
def test_what_only_mysql_has(
    target_server: str, mysql_server: Server, mysql_database: Databases, request: pytest.FixtureRequest
) -> None:
    target: Server = request.getfixturevalue(target_server)
    name, database = mysql_database(mysql_server), mysql_database(target)
    run(
        mysql_server,
        name,
        "create table t (id int primary key, s varchar(20), j json)",
        "create view lateral_v as select t.id, x.n from t, lateral (select count(*) n from t u where u.id < t.id) x",
        "create view member as select id from t where 1 member of (j)",
        "create view simple as select id, upper(s) u from t",
        "create view collated as select s collate utf8mb4_ja_0900_as_cs as c from t",
        "create procedure calls() select regexp_like('a', 'b'), bin_to_uuid(x'00')",
        "create event ev on schedule every 1 day disable on replica do select 1",
    )
    run(target, database, "create table t (id int primary key, s varchar(20), j json)")
    found = carried(mysql_server, name, target, database)
    refused = {key[1] for key, each in found.items() if not each.statements}
    assert {"member", "collated"} <= refused
    assert "simple" not in refused
    assert "the target has no function bin_to_uuid, regexp_like" in found["procedure", "calls"].reason
    if target_server == "mariadb_server":
        assert "collation_connection" in found["view", "simple"].reason
    made = {key: each for key, each in found.items() if each.statements}
    make(target, made)


def test_what_only_new_mysql_has(mysql_server: Server, mariadb11_server: Server, mysql_database: Databases) -> None:
    name, database, other = (mysql_database(server) for server in (mysql_server, mysql_server, mariadb11_server))
    run(
        mysql_server,
        name,
        "create table t (id int primary key, s int)",
        "create json relational duality view documents as select json_duality_object('_id': id, 's': s) from t",
        f"create library lib language javascript as 'export function f(n) {{ return {name}.n + 1 }} // it''s'",
        f"create function js(n int) returns int deterministic language javascript using ({name}.lib as l) "
        f"as 'let {name} = 1; return l.f({name}.n)'",
    )
    run(mysql_server, database, "create table t (id int primary key, s int)")
    found = carried(mysql_server, name, mysql_server, database)
    make(mysql_server, found)
    for kind, object_name in found:
        ours, theirs = (shown(mysql_server, place, kind, object_name) for place in (database, name))
        if object_name == "js":
            text = ours.pop("Create Function")
            assert text == theirs.pop("Create Function").replace(f"`{name}`.`lib`", f"`{database}`.`lib`")
            assert f"let {name} = 1" in text
        assert ours == theirs
    assert not any(each.statements for each in carried(mysql_server, name, mariadb11_server, other).values())


def test_a_database_is_made_with_the_collation_of_the_sources_routines(
    mysql_server: Server, mysql_database: Databases
) -> None:
    name = mysql_database(mysql_server)
    run(
        mysql_server,
        name,
        f"alter database `{name}` collate utf8mb4_de_pb_0900_as_cs",
        "create function f(a varchar(9)) returns int deterministic return a = 'X'",
        "create procedure p(a text) select a",
    )
    end = connect(ref(mysql_server))
    catalog = end.get(Describes).describe([name])
    database = f"{name}_new"
    names = {each.name: replace(each.name, schema=database) for each in catalog.others}
    found = end.get(Carries).carry(catalog.others, "mysql", names)
    assert [[statement.phase for statement in each.statements] for each in found] == [
        ["tables", "objects"],
        ["objects"],
    ]
    assert {each.reason for each in found} == {""}
    try:
        run(mysql_server, None, f"create database {database}")
        made = {(each.source.kind, each.source.name.name): each for each in found}
        make(mysql_server, made)
        assert shown(mysql_server, database, "function", "f") == shown(mysql_server, name, "function", "f")
    finally:
        run(mysql_server, None, f"drop database if exists {database}")


def test_rights_that_the_targets_login_lacks(mysql_server: Server, mysql_database: Databases) -> None:
    name, database = mysql_database(mysql_server), mysql_database(mysql_server)
    run(
        mysql_server,
        name,
        "create user if not exists weak@'%'",
        f"grant create view, event on `{database}`.* to weak@'%'",
        "create view v as select 1 as one",
        "create event ev on schedule every 1 day do select 1",
        "create procedure p() select 1",
    )
    try:
        found = carried(mysql_server, name, mysql_server, database, user="weak")
    finally:
        run(mysql_server, name, "drop user weak@'%'")
    assert {key[1] for key, each in found.items() if each.statements} == {"v", "ev"}
    assert found["procedure", "p"].reason == f"the target's login lacks CREATE ROUTINE on {database}"
    assert "could not be looked up" in found["view", "v"].reason


def test_a_definer_above_the_targets_login(mysql_server: Server, mysql_database: Databases) -> None:
    name, database = mysql_database(mysql_server), mysql_database(mysql_server)
    run(
        mysql_server,
        name,
        "create user if not exists setter@'%', plain@'%'",
        "grant set_any_definer on *.* to setter@'%'",
        "grant select on mysql.* to setter@'%'",
        f"grant all on `{database}`.* to setter@'%'",
        "create view v as select 1 as one",
        "create definer = plain@'%' view w as select 1 as one",
    )
    try:
        found = carried(mysql_server, name, mysql_server, database, user="setter")
        make(mysql_server, found, user="setter")
    finally:
        run(mysql_server, name, "drop user setter@'%', plain@'%'")
    assert "(it lacks SYSTEM_USER): it is setter@% now" in found["view", "v"].reason
    assert found["view", "w"].reason == ""


def test_functions_that_the_binlog_distrusts(
    mariadb_server: Server, mariadb11_server: Server, mysql_database: Databases
) -> None:
    name, database = mysql_database(mariadb_server), mysql_database(mariadb11_server)
    trust = "set global log_bin_trust_function_creators = "
    run(mariadb_server, name, trust + "1", "create function f() returns int return rand() * 5", trust + "0")
    found: Carried = carried(mariadb_server, name, mariadb11_server, database)["function", "f"]
    assert (found.statements, "log_bin_trust_function_creators = 1" in found.reason) == ((), True)
    try:
        run(mariadb11_server, database, trust + "1")
        make(mariadb11_server, carried(mariadb_server, name, mariadb11_server, database))
    finally:
        run(mariadb11_server, database, trust + "0")


def test_a_time_zone_that_the_target_does_not_know(mysql_server: Server, mysql_database: Databases) -> None:
    name = mysql_database(mysql_server)
    run(mysql_server, name, "create event ev on schedule every 1 day do select 1")
    end = connect(ref(mysql_server))
    (event,) = end.get(Describes).describe([name]).others
    elsewhere = replace(event, session=(*event.session[:1], "set session time_zone = 'Nowhere/Town'"))
    (found,) = end.get(Carries).carry([elsewhere], "mysql", {event.name: event.name})
    assert not found.statements
    assert found.reason == "the target does not know the time zone Nowhere/Town: load its time zone tables"


def test_rights_are_listed(mysql_server: Server, mariadb_server: Server, mysql_database: Databases) -> None:
    for server in (mysql_server, mariadb_server):
        name = mysql_database(server)
        run(
            server,
            name,
            "create table t (id int primary key, s int)",
            "create procedure p() select 1",
            "create user if not exists app@'%'",
            f"grant select, insert on `{name.replace('_', chr(92) + '_')}`.* to app@'%'",
            "grant select (id), update (id), delete on t to app@'%' with grant option",
            "grant execute on procedure p to app@'%'",
        )
        found = connect(ref(server)).get(Describes).describe([name]).others
        held = {each.parent and each.parent.name: each.definition[0] for each in found if each.kind == "grant"}
        pattern = name.replace("_", "\\_")
        assert held == {
            None: f"GRANT INSERT, SELECT ON `{pattern}`.* TO 'app'@'%'",
            "t": f"GRANT DELETE, SELECT (`id`), UPDATE (`id`) ON `{name}`.`t` TO 'app'@'%' WITH GRANT OPTION",
            "p": f"GRANT EXECUTE ON PROCEDURE `{name}`.`p` TO 'app'@'%'",
        }
        (carried_grant,) = (
            connect(ref(server))
            .get(Carries)
            .carry([each for each in found if each.kind == "grant" and each.parent is None], "mysql", {})
        )
        assert carried_grant.reason.endswith(f"repeat it there: {held[None]}")
        run(server, name, "drop user app@'%'")

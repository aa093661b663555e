"""
What an operator can get wrong: the command ends before anything is written, with its exit code, and says for each
finding what was found, what is wanted and what mends it.
"""

from collections.abc import Callable
from typing import Any

import pytest

from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from tests.directions.commandline import SECRETS, CommandLine, Result
from tests.directions.conftest import MakeStage
from tests.directions.stage import Stage

USAGE, REFUSED = 2, 3

_TABLE = "CREATE TABLE thing (id INT PRIMARY KEY, word VARCHAR(20))"


@pytest.fixture
def stage(postgres_server: postgres.Server, make_stage: MakeStage) -> Stage:
    """A small source that nothing is wrong with."""
    made = make_stage(postgres_server, {"public": "public"})
    made.source.run(_TABLE)
    made.source.run("INSERT INTO thing VALUES (1, 'a')")
    return made


def assert_untouched(stage: Stage) -> None:
    tables = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'"
    assert [found for found in stage.target.run(tables) if found != ("public", "taken")] == []
    assert (
        stage.target.run("SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|public)'") == []
    )
    if stage.source.engine == "postgres":
        assert stage.source.run("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()") == []
        assert stage.source.run("SELECT pubname FROM pg_publication") == []


def refused(landbridge: CommandLine, stage: Stage, code: int, *hints: str, **settings: Any) -> Result:
    """Runs `migrate`, which must end with this code and these words on the terminal, nothing written."""
    result = landbridge.run("migrate", str(stage.plan), "--yes", "--json", **settings)
    assert result.code == code, result
    assert "Traceback" not in result.out + result.err, result
    for hint in hints:
        assert hint in result.err, f"{hint!r} is not said\n{result}"
    assert result.data["found"]
    assert result.data["mend"]
    assert not any(secret in result.out + result.err for secret in SECRETS.values())
    assert not list((landbridge.home / "crashes").glob("*")), "an accident, not an answer"
    assert_untouched(stage)
    return result


def findings(landbridge: CommandLine, stage: Stage) -> str:
    """What `precheck` finds and how to mend it, each refusal complete, in one text."""
    result = landbridge.run("precheck", str(stage.plan), "--json")
    assert result.code == REFUSED, result
    found = [finding for finding in result.data["findings"] if finding["level"] == "refuse"]
    for finding in found:
        assert finding["found"], finding
        assert finding["wanted"], finding
        assert finding["mend"], finding
    assert_untouched(stage)
    return "\n".join(f"{finding['check']}: {finding['found']}; mend: {finding['mend']}" for finding in found)


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_unknown_keys(stage: Stage, landbridge: CommandLine) -> None:
    stage.write_plan(tabels=[], source=stage.source.ref(pasword="env:X"))
    refused(landbridge, stage, USAGE, "tabels: unknown key; known here: name, source", "source.pasword: unknown key")


def test_a_password_instead_of_a_reference(stage: Stage, landbridge: CommandLine) -> None:
    stage.write_plan(source=stage.source.ref(password=SECRETS["SOURCE_PASSWORD"]))
    refused(landbridge, stage, USAGE, "source.password", "never as itself")
    stage.plan.unlink()


def test_a_missing_secret(stage: Stage, landbridge: CommandLine) -> None:
    stage.write_plan()
    words = (
        "SOURCE_PASSWORD is not set",
        "TARGET_PASSWORD is not set",
        "export SOURCE_PASSWORD",
        "export TARGET_PASSWORD",
    )
    refused(landbridge, stage, USAGE, *words, environment={})


def test_a_file_that_is_no_plan(stage: Stage, landbridge: CommandLine) -> None:
    stage.plan.write_text("name: [")
    refused(landbridge, stage, USAGE, "is not YAML")
    stage.plan.unlink()
    refused(landbridge, stage, USAGE, "cannot be read")


def test_an_unknown_engine(stage: Stage, landbridge: CommandLine) -> None:
    stage.write_plan(source=stage.source.ref(engine="oracle"))
    refused(landbridge, stage, USAGE, "oracle", "mysql")


def test_an_include_that_matches_nothing(stage: Stage, landbridge: CommandLine) -> None:
    stage.write_plan(tables=[{"include": "public.*"}, {"include": "public.thign"}, {"include": "shop.*"}])
    refused(landbridge, stage, USAGE, "public.thign, shop.*", "match no table")


# --- the servers ------------------------------------------------------------------------------------------------------


def test_hosts_that_do_not_answer(stage: Stage, landbridge: CommandLine) -> None:
    stage.write_plan(source=stage.source.ref(port=1), target=stage.target.ref(port=2))
    refused(landbridge, stage, REFUSED, "127.0.0.1:1", "127.0.0.1:2")


def test_wrong_passwords(stage: Stage, landbridge: CommandLine) -> None:
    stage.write_plan()
    wrong = {"SOURCE_PASSWORD": "wr0ng-1", "TARGET_PASSWORD": "wr0ng-2"}
    result = refused(landbridge, stage, REFUSED, "password authentication failed", environment=wrong)
    assert result.err.count("password authentication failed") >= 2, "both ends are looked at"
    assert "wr0ng" not in result.out + result.err


def test_a_wrong_password_of_the_other_family(
    mariadb_server: mysql.Server, make_stage: MakeStage, landbridge: CommandLine
) -> None:
    stage = make_stage(mariadb_server)
    stage.source.run(_TABLE)
    stage.write_plan()
    refused(landbridge, stage, REFUSED, "Access denied", environment=SECRETS | {"SOURCE_PASSWORD": "wr0ng-1"})


def test_settings_of_a_mariadb_source(
    start_mysql: Callable[..., mysql.Server],
    mariadb_server: mysql.Server,
    make_stage: MakeStage,
    landbridge: CommandLine,
) -> None:
    """All in one list: settings, a kind of column, and a target that holds rows of its own."""
    options = (
        "--binlog-format=MIXED",
        "--binlog-row-metadata=NO_LOG",
        "--log-bin-compress=ON",
    )
    stage = make_stage(start_mysql("10.11", *options))
    stage.source.run("CREATE TABLE thing (id INT PRIMARY KEY, place GEOMETRY)")
    stage.source.run("CREATE TABLE taken (id INT PRIMARY KEY)")
    stage = Stage(
        source=stage.source, target=stage.target, folder=stage.folder, schemas={stage.source.database: "public"}
    )
    stage.target.run("CREATE TABLE public.taken (id int PRIMARY KEY)")
    stage.target.run("INSERT INTO public.taken VALUES (1)")
    stage.write_plan()
    said = findings(landbridge, stage)
    for word in (
        "binlog_format",
        "place",
        "public.taken",
    ):
        assert word in said, f"{word} is not said: {said}"
    assert stage.target.run("SELECT count(*) FROM public.taken") == [(1,)]


def test_settings_of_a_mysql_source(
    start_mysql: Callable[..., mysql.Server], mysql_server: mysql.Server, make_stage: MakeStage, landbridge: CommandLine
) -> None:
    options = ("--binlog-format=MIXED", "--binlog-row-image=MINIMAL", "--sql-require-primary-key=OFF")
    stage = make_stage(start_mysql("9.7", *options))
    stage.source.run(_TABLE)
    stage.source.run("CREATE TABLE keyless (n INT)")
    stage.write_plan()
    said = findings(landbridge, stage)
    for word in ("binlog_format", "binlog_row_image", "keyless"):
        assert word in said, f"{word} is not said: {said}"


def test_a_source_without_a_binlog(
    start_mysql: Callable[..., mysql.Server],
    mariadb_server: mysql.Server,
    make_stage: MakeStage,
    landbridge: CommandLine,
) -> None:
    stage = make_stage(start_mysql("10.11", "--skip-log-bin"))
    stage.source.run(_TABLE)
    stage.write_plan()
    refused(landbridge, stage, REFUSED, "log_bin")


def test_a_source_whose_log_is_not_logical(
    start_postgres: Callable[..., postgres.Server], make_stage: MakeStage, landbridge: CommandLine
) -> None:
    stage = make_stage(start_postgres(None, "wal_level=replica"), {"public": "public"})
    stage.source.run(_TABLE)
    stage.target.run("CREATE TABLE public.taken (id int)")
    stage.source.run("CREATE TABLE public.taken (id int)")
    stage.target.run("INSERT INTO public.taken VALUES (1)")
    stage.write_plan()
    refused(landbridge, stage, REFUSED, "wal_level", "ALTER SYSTEM SET wal_level", "public.taken")


# --- rights -----------------------------------------------------------------------------------------------------------


def test_missing_rights_on_a_mysql_source(
    mariadb_server: mysql.Server, make_stage: MakeStage, landbridge: CommandLine
) -> None:
    stage = make_stage(mariadb_server)
    stage.source.run(_TABLE)
    secret = SECRETS["SOURCE_PASSWORD"]
    stage.source.run(f"CREATE OR REPLACE USER weak@'%' IDENTIFIED BY '{secret}'")
    stage.source.run(f"GRANT SELECT ON `{stage.source.database}`.* TO weak@'%'")
    stage.write_plan(source=stage.source.ref(user="weak"))
    said = findings(landbridge, stage).upper()
    assert "GRANT" in said
    assert "REPLICATION SLAVE" in said or "REPLICATION REPLICA" in said, said


def test_missing_rights_on_both_ends_of_postgres(stage: Stage, landbridge: CommandLine) -> None:
    for end in (stage.source, stage.target):
        if not end.run("SELECT 1 FROM pg_roles WHERE rolname = 'weak'"):
            end.run("CREATE ROLE weak LOGIN")
    stage.source.run("GRANT SELECT ON thing TO weak")
    stage.write_plan(source=stage.source.ref(user="weak"), target=stage.target.ref(user="weak"))
    said = findings(landbridge, stage).replace('"', "")
    assert "ALTER ROLE weak REPLICATION" in said
    assert f"GRANT CREATE ON DATABASE {stage.target.database} TO weak" in said, said

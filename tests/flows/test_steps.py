"""What the shell around the engine promises: retries by class, locks, streams that end, secrets in blocks."""

import contextlib
import time
from importlib import import_module
from typing import Any

import pytest
from prefect import flow
from prefect.blocks.system import Secret

from flows.commands.prefect_server import Server
from landbridge.errors import Busy, CutoverVoid, Differs, MigrationError, PlanError, RowRejected, Terminal, Transient
from landbridge.plan import Plan, read_secret
from landbridge.replicate import Replication
from tasks import artifacts, running
from tasks.home import run_folder
from tasks.steps import step
from tests.flows.conftest import Run, Shop


def tried(error: type[MigrationError], failures: int) -> int:
    """How often a step that may be tried three times more is tried when it fails so often."""
    count = 0

    @step("try", retries=3)
    def work() -> None:
        nonlocal count
        count += 1
        if count <= failures:
            raise error("it failed", mend="wait")

    @flow
    def only() -> None:
        work.with_options(retry_delay_seconds=0)()

    with contextlib.suppress(error):
        only()
    return count


@pytest.mark.parametrize(("failures", "tries"), [(0, 1), (2, 3), (9, 4)])
def test_what_may_clear_by_itself_is_tried_again(prefect: Server, failures: int, tries: int) -> None:
    assert tried(Transient, failures) == tries


@pytest.mark.parametrize("error", [Terminal, Busy, RowRejected, Differs, PlanError])
def test_nothing_else_is(prefect: Server, error: type[MigrationError]) -> None:
    assert tried(error, 1) == 1


def test_a_plan_runs_once_at_a_time_but_its_phases_enter_freely(prefect: Server, shop: Shop) -> None:
    from landbridge.endpoints import connect
    from landbridge.endpoints.abc import Connects

    lock = connect(shop.plan.target).get(Connects)
    with running.running(shop.plan):
        with running.running(shop.plan), lock.exclusive(f"plan/{shop.plan.name}") as free:
            assert not free
        with lock.exclusive(f"plan/{shop.plan.name}") as free:
            assert not free, "leaving an inner one must not give the lock away"
    with lock.exclusive(f"plan/{shop.plan.name}") as free:
        assert free
        with pytest.raises(Busy, match="another process runs"), running.running(shop.plan):
            pass


def test_secret_blocks_are_read_and_missing_ones_named(prefect: Server) -> None:
    Secret(value="hush").save("source-password", overwrite=True)  # type: ignore[unused-coroutine]
    assert read_secret("block:source-password") == "hush"
    with pytest.raises(PlanError, match="block:no-such-block is not there"):
        read_secret("block:no-such-block")


@pytest.mark.parametrize(("parts", "key"), [(("load", "My_Shop"), "load-my-shop"), (("a", "b ü9"), "a-b-9")])
def test_artifact_keys_are_what_the_server_takes(parts: tuple[str, ...], key: str) -> None:
    assert artifacts.key(*parts) == key


def test_a_planted_difference_is_found_named_and_stops_the_gate(landbridge: Run, shop: Shop) -> None:
    assert landbridge("migrate", str(shop.file), "--until", "validated").code == 0
    shop.sql("target", "update orders set total = total + 0.01 where id = 1234 returning id")
    differs = landbridge("validate", str(shop.file), "--json")
    assert differs.code == 1
    found: Any = differs.data
    assert (found["equal"], found["differing"]) == (False, 1)
    assert landbridge("migrate", str(shop.file), "--yes").code == 1
    assert "differed in round" in landbridge("cutover", str(shop.file), "--yes").err
    assert shop.sql("target", "select count(*) from landbridge.approvals") == [(0,)]
    shop.sql("target", "update orders set total = total - 0.01 where id = 1234 returning id")
    assert landbridge("migrate", str(shop.file), "--yes").code == 0
    late = landbridge("validate", str(shop.file))
    assert late.code == 1
    assert "takes writes of its own" in late.err


def test_words_before_their_time_say_which_word_comes_first_and_a_stale_hold_is_let_go(
    landbridge: Run, shop: Shop
) -> None:
    for word in ("validate", "cutover"):
        early = landbridge(word, str(shop.file))
        assert early.code == 2
        assert "has no run yet" in early.err
    assert landbridge("migrate", str(shop.file), "--until", "loaded").code == 0
    early = landbridge("cutover", str(shop.file), "--yes")
    assert early.code == 1
    assert "landbridge migrate" in early.err

    shop.sql("target", "update landbridge.stream set hold = 'now' returning run")  # by a comparison that was killed
    caught_up = landbridge("migrate", str(shop.file), "--until", "caught-up", "--json")
    assert {table["state"] for table in caught_up.data["tables"]} == {"stopped"}


def test_what_a_killed_flow_left_after_the_switch_is_cleared_away(
    landbridge: Run, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(plan: Plan) -> None:
        raise Terminal("killed here", mend="-")

    with monkeypatch.context() as patch:
        patch.setattr(import_module("flows.migrate"), "finish", killed)
        assert landbridge("migrate", str(shop.file), "--yes").code == 1
    told = landbridge("status", str(shop.file), "--json").data
    assert (told["state"], told["cutover"]["state"]) == ("active", "done")
    assert {table["state"] for table in told["tables"]} == {"switched"}
    survivors = Replication(shop.plan, told["run"], run_folder(told["run"]))
    survivors.start()
    deadline = time.monotonic() + 30
    active = "select active from pg_replication_slots where database = current_database()"
    while shop.sql("source", active) != [(True,)] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert landbridge("migrate", str(shop.file)).code == 0
    assert shop.sql("source", active) == []
    assert landbridge("status", str(shop.file), "--json").data["state"] == "done"
    survivors.stop()


def test_what_acts_by_itself_is_taken_back_when_the_switch_is(
    landbridge: Run, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sql("source", "create function twice() returns trigger language plpgsql as 'begin return new; end'; select 1")
    shop.sql("source", "create trigger twice before update on orders execute function twice(); select 1")

    def void(*_: object) -> None:
        raise CutoverVoid("void here", mend="-")

    triggers = "select tgname from pg_trigger where not tgisinternal"
    with monkeypatch.context() as patch:
        patch.setattr(import_module("tasks.cutover"), "open_target", void)
        assert landbridge("migrate", str(shop.file), "--yes").code == 1
    assert shop.sql("target", triggers) == []
    shop.sql("source", "update orders set total = 1 where id = 7 returning id")
    found = landbridge("status", str(shop.file), "--json").data["inventory"]
    assert [item["status"] for item in found if item["kind"] == "trigger"] == ["planned"]
    told = shop.file.with_name("told")
    shop.write(cutover={"after": f'echo "$LANDBRIDGE_ACTION $LANDBRIDGE_OPEN_DATABASE" >> {told}; test -e {told}.fine'})
    failed = landbridge("migrate", str(shop.file), "--yes")
    assert failed.code == 1
    assert "'opened' ended with status 1" in failed.err
    told.with_name("told.fine").touch()
    assert landbridge("migrate", str(shop.file), "--yes").code == 0
    assert landbridge("migrate", str(shop.file), "--yes").code == 0, "and once it was fine, never again"
    assert told.read_text().splitlines() == [f"opened {shop.plan.target.database}"] * 2
    assert shop.sql("target", triggers) == [("twice",)]
    assert shop.sql("target", "select total from orders where id = 7") == [(1,)]

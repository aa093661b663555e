"""The phases as words of their own, each going on from the ledger, while the application writes; and the approval."""

from pathlib import Path
from typing import Any

import pytest

from tests.directions.commandline import CommandLine, processes
from tests.directions.conftest import MakeStage
from tests.directions.test_directions import DIRECTIONS, arrange, assert_equal
from tests.directions.workload import Workload


def test_each_word_goes_on_where_the_last_one_stopped(
    request: pytest.FixtureRequest, make_stage: MakeStage, shared_data: Path, landbridge: CommandLine
) -> None:
    direction = DIRECTIONS["chinook-postgres16"]
    stage = arrange(direction, request, make_stage, shared_data)
    plan = str(stage.plan)
    before = landbridge.ok("status", plan)
    assert before == {"plan": stage.folder.name, "run": None}
    with Workload(stage.source.application(), direction.operations(), writers=2) as workload:
        workload.run_for(20)
        loaded = landbridge.ok("migrate", plan, "--until", "loaded")
        assert loaded["outcome"] == "loaded"
        assert {table["source"] for table in loaded["tables"] if table["finished"]} >= {
            "public.track",
            "public.playlist_track",
        }
        assert processes(loaded["run"]) == {}, "capture and apply must have ended"
        assert _slots(stage) == [(False,)], "the slot must be kept, and nobody use it"

        workload.run_for(50)
        caught_up = landbridge.ok("migrate", plan, "--until", "caught-up")
        assert caught_up["run"] == loaded["run"]
        assert caught_up["stream"]["reached"] is True
        assert caught_up["stream"]["changes"] > 50

        validated = landbridge.ok("migrate", plan, "--until", "validated")
        assert validated["validation"]["passed"] is True
        workload.run_for(50)
        again = landbridge.ok("validate", plan)
        assert again["equal"] is True
        assert again["round"] > validated["validation"]["round"]

        _waits(landbridge, plan, "--no-wait")
        rejected = _approve(landbridge, plan, "--by", "Ann", "--reason", "not on a Friday", "--reject")
        assert rejected["state"] == "rejected"
        waiting = _waits(landbridge, plan)
        assert [answer["state"] for answer in waiting["approvals"]] == ["rejected", "requested"]
        assert workload.refused == 0

        _approve(landbridge, plan, "--by", "Bea", "--reason", "it is Monday")
        done = landbridge.ok("migrate", plan)
    assert done["outcome"] == "cutover"
    assert done["cutover"]["state"] == "done"
    newest = done["approvals"][-1]
    assert (newest["state"], newest["approved_by"], newest["reason"]) == ("approved", "Bea", "it is Monday")
    assert_equal(stage)
    assert _slots(stage) == []

    assert landbridge.ok("migrate", plan)["cutover"] == done["cutover"], "once more does nothing"
    late = landbridge.run("approve", plan, "--by", "Cem", "--reason", "late", "--evidence", "0" * 12)
    assert late.code == 1
    assert "Traceback" not in late.err


def _approve(landbridge: CommandLine, plan: str, *words: str) -> Any:
    """As somebody who has read the evidence."""
    shown = landbridge.ok("approve", plan, "--show")
    return landbridge.ok("approve", plan, *words, "--evidence", shown["evidence_hash"])


def _waits(landbridge: CommandLine, plan: str, *options: str) -> Any:
    """Without a terminal `migrate` ends at the gate, its request in the ledger."""
    result = landbridge.run("migrate", plan, "--json", *options)
    assert result.code == 4, result
    assert result.data["outcome"] == "waiting"
    assert result.data["approvals"][-1]["state"] == "requested"
    assert result.data["approvals"][-1]["evidence"]["validation"]["passed"] is True
    return result.data


def _slots(stage: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = stage.source.run(
        "SELECT active FROM pg_replication_slots WHERE database = current_database()"
    )
    return found

"""There and back and there again, short, in this process; then the end, after which nothing is left."""

import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.directions.commandline import SECRETS, Running
from tests.directions.conftest import MakeStage, make_stage
from tests.directions.killed import PLACES
from tests.directions.stage import End
from tests.flows.conftest import Run
from tests.there_and_back import Says, Side, arranged, there_and_back_and_there_again

__all__ = ["make_stage"]

_POSTGRES = "postgres_target_server"
_SHORT = [("mariadb_server", _POSTGRES), ("postgres_server", "mariadb_target_server")]
"""A way back from either family; all others, longer, in tests/directions/test_way_back.py."""

_LONG = [pytest.mark.long, pytest.mark.timeout(2400)]
_BEFORE, _AFTER = PLACES[: PLACES.index("opening")], PLACES[PLACES.index("opening") :]


@pytest.fixture
def says(landbridge: Run, monkeypatch: pytest.MonkeyPatch) -> Says:
    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)

    def says(*words: str, code: int = 0) -> Any:
        said = landbridge(*words, "--json")
        assert said.code == code, said
        return said.data

    return says


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("source", "target"), _SHORT)
def test_there_and_back_and_there_again_and_the_end(
    source: str,
    target: str,
    request: pytest.FixtureRequest,
    make_stage: MakeStage,
    says: Says,
) -> None:
    stage = arranged(make_stage(request.getfixturevalue(source), target=target))

    acting = _triggers(stage.source)

    there_and_back_and_there_again(stage, says)

    stage.target.run("ALTER TABLE customer ADD COLUMN since int DEFAULT 7")
    refused = says("rollback", str(stage.plan), "--yes", code=1)
    assert refused["error"] == "SchemaDrift"
    assert "customer was altered on the side that was opened" in refused["found"]
    assert "since int" in refused["found"]
    assert "landbridge complete" in refused["mend"]
    assert Side(stage.source).is_closed()
    kept = says("complete", str(stage.plan))["kept"]
    new = Side(stage.target)
    assert len(new.everything()["customer"]) == 16, "the target goes on as it is"
    assert Side(stage.source).is_closed()
    assert _triggers(stage.source) == acting, "it is closed as it was"
    new.write("after the end")
    ledger = json.loads((Path(kept[-1]) / "ledger.json").read_text())
    assert ledger["cutover"][0]["state"] == "done"
    assert not list(Path(kept[-1]).glob("spool*"))
    for end in (stage.source, stage.target):
        left = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'landbridge' AND table_name <> 'freeze'"
        assert end.run(left)[0][0] == 0
        if end.engine == "postgres":
            assert end.run("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()") == []
            assert end.run("SELECT pubname FROM pg_publication") == []


def _triggers(end: End) -> list[tuple[Any, ...]]:
    own = {"mysql": "definer, sql_mode, trigger_schema", "postgres": "action_orientation, trigger_name, trigger_schema"}
    told = f"trigger_name, event_object_table, action_timing, action_statement, {own[end.engine]}"
    found = end.run(f"SELECT {told} FROM information_schema.triggers WHERE event_object_table = 'purchase'")
    assert found
    return [row for row in found if row[-1] in (end.database, "public")]


@pytest.mark.parametrize(
    ("source", "target", "there", "back"),
    [
        pytest.param(
            "postgres_server", _POSTGRES, ("ready",), ("opening",), id="short", marks=pytest.mark.timeout(900)
        ),
        pytest.param("postgres_server", _POSTGRES, PLACES, PLACES, id="postgres", marks=_LONG),
        pytest.param("mariadb_server", _POSTGRES, PLACES, PLACES, id="mariadb", marks=_LONG),
        pytest.param("mariadb_server", "mysql_target_server", PLACES, PLACES, id="mysql-target", marks=_LONG),
    ],
)
def test_whoever_dies_in_a_switch_leaves_it_undone_or_it_is_completed(
    source: str,
    target: str,
    there: Sequence[str],
    back: Sequence[str],
    request: pytest.FixtureRequest,
    make_stage: MakeStage,
    says: Says,
    tmp_path: Path,
) -> None:
    """
    There and back, and killed at each place in turn. Before the opening the timer gives the frozen side back by itself,
    without a command; after it the same command completes. Writes go on wherever they may, and both sides agree.
    """
    stage = arranged(make_stage(request.getfixturevalue(source), target=target), timeout="15s")
    plan, old, new = str(stage.plan), Side(stage.source), Side(stage.target)
    old.write("first")
    says("migrate", plan, "--until", "validated")
    for word, places, fro, to in (("migrate", there, old, new), ("rollback", back, new, old)):
        for place in (place for place in places if place in _BEFORE):
            _killed(place, word, plan, tmp_path)
            _wait_until_open(fro)
            fro.write(f"{word} killed at {place}")
        for number, place in enumerate(place for place in places if place in _AFTER):
            if number:  # back to where it was, for the next blow; what was cut short is completed on the way
                says("rollback" if word == "migrate" else "migrate", plan, "--yes")
                fro.write(f"{word} again for {place}")
            _killed(place, word, plan, tmp_path)
            assert fro.is_closed()
        says(word, plan, "--yes")
        to.write(f"{word} completed")
        assert fro.is_closed()
    says("migrate", plan, "--yes")
    assert new.everything() == old.everything()


def _killed(place: str, word: str, plan: str, folder: Path) -> None:
    environment = dict(os.environ) | SECRETS | {"DIES": place}
    said = Running((word, plan, "--yes", "--json"), environment, folder / place, "tests.directions.killed").wait(200)
    assert said.code == -signal.SIGKILL, said


def _wait_until_open(side: Side) -> None:
    deadline = time.monotonic() + 60
    while side.is_closed():
        assert time.monotonic() < deadline, "the timer did not thaw it"
        time.sleep(0.2)

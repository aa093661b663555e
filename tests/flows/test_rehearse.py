"""A rehearsal: everything but the freeze, and afterwards nothing is left but what it measured."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.rehearsal.forecast import UNITS
from tests.directions.commandline import processes
from tests.flows.conftest import Run, Shop

ROOT = Path(__file__).parents[2]
Meanwhile = Callable[[Callable[[], None]], None]
LEFT_AT_THE_SOURCE = """
select 'slot ' || slot_name from pg_replication_slots where database = current_database()
union all select 'publication ' || pubname from pg_publication
union all select 'schema ' || nspname from pg_namespace where nspname = 'landbridge'"""
DATABASES = "select datname from pg_database where datname = '{}'"


def scratch(shop: Shop) -> str:
    name = f"{shop.plan.target.database}_rehearsal"
    shop.write(rehearsal={"database": name})
    return name


def test_a_rehearsal_leaves_nothing_but_what_it_measured(
    landbridge: Run, shop: Shop, meanwhile: Meanwhile, landbridge_home: Path, tmp_path: Path
) -> None:
    name, stop = scratch(shop), threading.Event()
    as_if_rehearsed(shop, dict.fromkeys(UNITS, 0.001))
    refused: list[object] = []

    def write() -> None:
        for number in range(10_000):
            refused.extend(shop.sql("source", f"update orders set total = {number} where id = 7"))
            if stop.wait(0.05):
                return

    meanwhile(write)
    page = tmp_path / "rehearsal.html"
    first = landbridge("rehearse", str(shop.file), "--fail-on-regression", "--json", "--report", str(page))
    stop.set()
    assert first.code == 1, first.err
    told = first.data
    assert (told["number"], told["equal"], told["rows"]) == (2, True, 3500)
    assert told["changes"] > 0, "changes were captured and applied"
    assert {each["name"]: each["rehearsals"] for each in told["forecast"]}["write pause"] == 2
    assert "write pause" in told["regressions"]
    assert told["former"][0]["quantities"]["load"] == 0.001
    assert [each["phase"] for each in told["phases"]][-3:] == ["build-indexes", "verify", "switch-without-freeze"]
    assert set(told["switch"]) - {"way back (assumed)"} == {
        "freeze (assumed)",
        "drain",
        "check",
        "counters",
        "foreign keys",
        "triggers",
    }
    assert sum(told["switch"].values()) == pytest.approx(told["quantities"]["write pause"], abs=0.01)
    assert told["quantities"]["disk"] > 5e6, "an empty database has that"
    assert told["samples"]
    assert any(sample["lag"] is not None for sample in told["samples"])
    assert shop.sql("source", LEFT_AT_THE_SOURCE) == []
    assert shop.sql("target", DATABASES.format(name)) == []
    assert shop.sql("target", "select count(*) from pg_class where relname = 'orders'") == [(0,)]
    html = page.read_text()
    assert "<svg" in html
    assert "prefers-color-scheme: dark" in html
    assert "http" not in html, "it needs no network"
    assert json.loads((landbridge_home / "rehearsals" / shop.plan.name / "2.json").read_text())["rows"] == 3500
    with connect(shop.plan.target).get(Connects).engine().connect() as connection:
        assert [each["rows"] for each in ledger.rehearsals(connection, shop.plan.name)] == [1, 3500]


def as_if_rehearsed(shop: Shop, quantities: dict[str, float]) -> None:
    """An earlier one, of very much data: nothing took long for each byte."""
    told = {"finished": 1.0, "bytes": 10**12, "rows": 1, "equal": True, "rejected_rows": 0, "not_carried": 0}
    with connect(shop.plan.target).get(Connects).engine().begin() as connection:
        ledger.open_ledger(connection)
        ledger.add_rehearsal(connection, shop.plan.name, told | {"quantities": quantities})


@pytest.mark.long
def test_what_a_killed_rehearsal_left_is_cleared_by_the_next(landbridge: Run, shop: Shop) -> None:
    name = scratch(shop)
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", "rehearse", str(shop.file)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("verify ..."):
            process.kill()
    process.wait()
    assert shop.sql("target", DATABASES.format(name)) == [(name,)]
    (slot,) = [what for (what,) in shop.sql("source", LEFT_AT_THE_SOURCE) if what.startswith("slot ")]
    run = slot.removeprefix("slot landbridge_")
    assert len([each for each in processes(run).values() if "landbridge.replicate" in each]) == 2
    done = landbridge("rehearse", str(shop.file), "--json")
    assert done.code == 0, done.err
    assert (done.data["number"], done.data["rows"]) == (1, 3500)
    assert shop.sql("source", LEFT_AT_THE_SOURCE) == []
    assert shop.sql("target", DATABASES.format(name)) == []
    assert processes(run) == {}


def test_a_database_that_is_not_ours_is_left_alone(landbridge: Run, shop: Shop) -> None:
    name = scratch(shop)
    shop.sql("target", f"create database {name}")
    try:
        refused = landbridge("rehearse", str(shop.file), "--json")
        assert refused.code == 1
        assert "nothing says that a rehearsal made it" in refused.data["found"]
        assert shop.sql("target", DATABASES.format(name)) == [(name,)]
        shop.sql("target", f"comment on database {name} is 'landbridge rehearsal of another-plan'")
        refused = landbridge("rehearse", str(shop.file), "--json")
        assert "'landbridge rehearsal of another-plan'" in refused.data["found"]
        assert shop.sql("target", DATABASES.format(name)) == [(name,)]
    finally:
        shop.sql("target", f"drop database if exists {name}")
    assert shop.sql("source", LEFT_AT_THE_SOURCE) == []
    shop.write(rehearsal={"database": shop.plan.target.database})
    assert "which the migration itself uses" in landbridge("rehearse", str(shop.file), "--json").data["found"]
    shop.write(rehearsal=None)
    nowhere = landbridge("rehearse", str(shop.file), "--json")
    assert nowhere.code == 2
    assert "rehearsal: {database: NAME}" in nowhere.data["mend"]

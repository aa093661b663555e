"""The flow from the orchestrator's side: deployed, started through its API with the plan as a form, run by a worker."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from flows.commands.prefect_server import Server
from landbridge.plan import Plan
from tests.flows.conftest import Shop

ROOT = Path(__file__).parents[2]


@pytest.fixture
def prefect_command(prefect: Server, tmp_path: Path, landbridge_home: Path) -> Any:
    """Prefect's own command line, from a folder that has nothing to do with this project."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PREFECT_API_URL": prefect.api, "PREFECT_HOME": str(landbridge_home / "prefect-client")}
    environment |= {"PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "1"}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def api(server: Server, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.api + path, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def test_a_worker_runs_the_deployed_flow_with_the_plan_as_its_form(
    prefect: Server, prefect_command: Any, shop: Shop
) -> None:
    prefect_command("work-pool", "create", "landbridge", "--type", "process")
    prefect_command("--no-prompt", "deploy", "--prefect-file", str(ROOT / "deployments/prefect.yaml"), "--all")
    for word in ("precheck", "migrate", "validate", "cutover"):
        made = api(prefect, "GET", f"/deployments/name/{word}/{word}")
        assert made["global_concurrency_limit"]["limit"] == 1
        assert made["concurrency_options"]["collision_strategy"] == "ENQUEUE"
        assert made["description"]
        assert all(each.get("description") for each in made["parameter_openapi_schema"]["properties"].values())
    (nightly,) = api(prefect, "GET", "/deployments/name/rehearse/rehearse")["schedules"]
    assert (nightly["schedule"]["cron"], nightly["active"]) == ("0 2 * * *", False), "it has no plan yet"
    deployment = api(prefect, "GET", "/deployments/name/migrate/migrate")

    form = deployment["parameter_openapi_schema"]
    assert set(form["properties"]) == {"plan", "until", "wait", "approve"}
    assert form["required"] == ["plan"]
    assert form["properties"]["until"]["enum"] == ["loaded", "caught-up", "validated", "cutover"]
    keys = form["definitions"]["Plan"]["properties"]  # in a column of JSON, which keeps no order
    assert sorted(keys, key=lambda name: keys[name]["position"]) == list(Plan.model_fields)

    given = {"plan": shop.plan.model_dump(mode="json"), "wait": False, "approve": True}
    run = api(prefect, "POST", f"/deployments/{deployment['id']}/create_flow_run", {"parameters": given})
    said = prefect_command("worker", "start", "--pool", "landbridge", "--run-once", "--prefetch-seconds", "30")
    state = api(prefect, "GET", f"/flow_runs/{run['id']}")["state"]
    assert state["type"] == "COMPLETED", (state, said)
    everything = "select count(*), sum(total) from orders"
    assert shop.sql("target", everything) == shop.sql("source", everything)
    assert shop.sql("target", "select state from landbridge.cutover") == [("done",)]

    logs = api(
        prefect, "POST", "/logs/filter", {"logs": {"level": {"ge_": 20}}, "limit": 200, "sort": "TIMESTAMP_DESC"}
    )
    assert any("load: done" in line["message"] for line in logs)
    newest = {"sort": "START_TIME_DESC", "limit": 200}  # the server has run many other flows before
    subflows = reversed(api(prefect, "POST", "/flow_runs/filter", newest))
    names = [each["name"] for each in subflows if each["name"].endswith(shop.plan.name)]
    assert names[1:4] == [f"{phase} {shop.plan.name}" for phase in ("precheck", "prepare", "capture")]

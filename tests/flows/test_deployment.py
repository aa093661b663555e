"""The flow from the orchestrator's side: deployed, started through its API with the plan as a form, run by a worker."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.commands import prefect_server
from flows.commands.prefect_server import Server
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.plan import Plan
from tests.flows.conftest import Run, Shop
from tests.flows.test_replicate import follows, phase_done, wait, working

ROOT = Path(__file__).parents[2]
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.fixture(scope="module")
def prefect_command(prefect: Server, tmp_path_factory: pytest.TempPathFactory, landbridge_home: Path) -> Any:
    """Prefect's own command line, from a folder that has nothing to do with this project."""
    folder = tmp_path_factory.mktemp("prefect")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PREFECT_API_URL": prefect.api, "PREFECT_HOME": str(landbridge_home / "prefect-client")}
    environment |= {"PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "1", "PATH": PATH}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def deployed(prefect: Server, prefect_command: Any) -> None:
    template = str(ROOT / "deployments/process-job.json")
    prefect_command("work-pool", "create", "landbridge", "--type", "process", "--base-job-template", template)
    prefect_command("--no-prompt", "deploy", "--prefect-file", str(ROOT / "deployments/prefect.yaml"), "--all")


def api(server: Server, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.api + path, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def test_a_worker_runs_the_deployed_flow_with_the_plan_as_its_form(
    prefect: Server, prefect_command: Any, deployed: None, shop: Shop
) -> None:
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


@contextlib.contextmanager
def worker(server: Server, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    environment = os.environ | {"PREFECT_API_URL": server.api, "PREFECT_HOME": str(folder), "PYTHONPATH": str(ROOT)}
    environment |= {"PREFECT_WORKER_QUERY_SECONDS": "1", "DO_NOT_TRACK": "1", "PATH": PATH}
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "landbridge"]
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:  # Prefect's own program, which sometimes waits for nothing
            process.kill()
            process.wait()


def state(server: Server, run: str) -> str:
    return str(api(server, "GET", f"/flow_runs/{run}")["state"]["type"])


def begin(server: Server, word: str, shop: Shop) -> str:
    deployment = api(server, "GET", f"/deployments/name/{word}/{word}")
    given = {"parameters": {"plan": shop.plan.model_dump(mode="json")}}
    return str(api(server, "POST", f"/deployments/{deployment['id']}/create_flow_run", given)["id"])


@pytest.mark.long
def test_cancel_ends_everything_within_seconds_and_the_plan_goes_on_later(
    prefect: Server, deployed: None, landbridge: Run, shop: Shop, tmp_path: Path
) -> None:
    with worker(prefect, tmp_path):
        first = begin(prefect, "replicate", shop)
        wait(lambda: phase_done(shop, "build-indexes"), 90)
        follows(shop, 2001)
        second = begin(prefect, "replicate", shop)
        wait(lambda: state(prefect, second) == "FAILED", 60)
        assert "another process runs the plan" in api(prefect, "GET", f"/flow_runs/{second}")["state"]["message"]
        assert state(prefect, first) == "RUNNING"

        cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": False}
        api(prefect, "POST", f"/flow_runs/{first}/set_state", cancelling)
        # A run that does not end by itself within half a minute is killed, and would leave capture and apply behind.
        wait(lambda: working(shop) == {} and _free(shop) and state(prefect, first) == "CANCELLED", 90)
    shop.sql("source", "insert into customers values (2002, 'meanwhile')")
    assert landbridge("migrate", str(shop.file), "--until", "caught-up").code == 0
    assert shop.sql("target", "select count(*) from customers where id > 2000") == [(2,)]


def test_a_run_outlives_its_worker_and_is_cancelled_without_one(
    prefect: Server, deployed: None, shop: Shop, tmp_path: Path
) -> None:
    with worker(prefect, tmp_path) as started:
        run = begin(prefect, "replicate", shop)
        wait(lambda: phase_done(shop, "build-indexes"), 90)
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 0
    follows(shop, 2001)
    assert state(prefect, run) == "RUNNING"
    cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": False}
    api(prefect, "POST", f"/flow_runs/{run}/set_state", cancelling)
    wait(lambda: working(shop) == {} and _free(shop) and state(prefect, run) == "CANCELLED", 60)


@pytest.mark.long
def test_a_gate_outlives_the_orchestrators_server_and_the_worker_while_changes_go_on(
    prefect: Server, deployed: None, shop: Shop, tmp_path: Path
) -> None:
    with worker(prefect, tmp_path) as started:
        run = begin(prefect, "migrate", shop)
        wait(lambda: state(prefect, run) == "PAUSED", 120)
        prefect_server.stop()
        follows(shop, 3001)
        assert prefect_server.ensure().api == prefect.api
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 0
    follows(shop, 3002)
    assert state(prefect, run) == "PAUSED"
    words = ["approve", str(shop.file), "--by", "Ada", "--reason", "all is well"]
    words += ["--evidence", shop.request().evidence_hash]
    subprocess.run([sys.executable, "-m", "flows", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    wait(lambda: state(prefect, run) == "COMPLETED", 90)
    assert shop.sql("target", "select state from landbridge.cutover") == [("done",)]
    assert shop.sql("target", "select count(*) from customers where id > 3000") == [(2,)]


def _free(shop: Shop) -> bool:
    with connect(shop.plan.target).get(Connects).exclusive(f"plan/{shop.plan.name}") as free:
        return bool(free)

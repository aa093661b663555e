"""The files that deploy it say what the code says; nothing is started."""

import json
import re
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.__main__ import WORDS
from landbridge.endpoints import shop
from landbridge.plan import parse_plan

ROOT = Path(__file__).parents[2]
FILES = {
    name: yaml.safe_load((ROOT / "deployments" / name).read_text()) for name in ("prefect.yaml", "compose/prefect.yaml")
}
DEPLOYMENTS = [pytest.param(each, id=each["name"]) for file in FILES.values() for each in file["deployments"]]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "deployments/Dockerfile").read_text()


def env_example() -> dict[str, str]:
    lines = (ROOT / "deployments/env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def strings(data: Any) -> list[str]:
    if isinstance(data, dict):
        return [text for value in data.values() for text in strings(value)]
    if isinstance(data, list):
        return [text for value in data for text in strings(value)]
    return [data] if isinstance(data, str) else []


def test_every_word_of_the_command_line_that_is_a_flow_has_a_deployment() -> None:
    flows = {word for word in WORDS if find_spec(f"flows.{word}") is not None}
    assert flows >= {"assess", "precheck", "migrate", "validate", "cutover"}
    assert {each["name"] for each in FILES["prefect.yaml"]["deployments"]} == flows


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_an_entrypoint_is_a_function_of_its_module(deployment: dict[str, Any]) -> None:
    module, _, name = deployment["entrypoint"].rpartition(".")
    source = Path(str(getattr(find_spec(module), "origin", ""))).read_text()
    assert re.search(rf"^@flow\(.*\)\ndef {name}\(plan: Plan", source, re.MULTILINE)
    assert deployment["description"]
    assert "landbridge" in deployment["tags"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_second_run_of_a_deployment_waits_for_the_first(deployment: dict[str, Any]) -> None:
    if "stream" in deployment["tags"]:  # one for each plan, for weeks: the plan's lock refuses a second
        assert "concurrency_limit" not in deployment
    else:
        assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    assert deployment["work_pool"]["name"] == "landbridge"


def test_the_plans_that_are_filled_in_are_plans_between_the_servers_of_the_compose_file() -> None:
    for deployment in FILES["compose/prefect.yaml"]["deployments"]:
        plan = parse_plan(deployment["parameters"]["plan"])
        for ref in (plan.source, plan.target):
            assert ref.host in SERVICES
            assert ref.password is not None
            assert ref.password.removeprefix("env:") in SERVICES["worker"]["environment"]


def test_what_a_service_needs_is_there() -> None:
    for name, service in SERVICES.items():
        for needed, when in service.get("depends_on", {}).items():
            assert needed in SERVICES, name
            if when["condition"] == "service_healthy":
                assert SERVICES[needed]["healthcheck"]["test"], needed
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume


def test_passwords_are_named_and_never_written() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name:
                assert re.fullmatch(r"\$\{\w+(:\?[^}]+)?\}", value), name
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    given = env_example()
    assert asked == set(given)
    assert all(value == "" for name, value in given.items() if "PASSWORD" in name)


def test_what_is_published_is_for_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_image_copies_what_is_there_and_its_context_lets_it_through() -> None:
    ignored = (ROOT / "deployments/Dockerfile.dockerignore").read_text().split()
    copied = [word for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()]
    assert copied
    for each in copied:
        assert (ROOT / each).exists(), each
        assert f"!{each}" in ignored
    for package in ("landbridge", "flows", "tasks", "validation"):
        assert package in copied


def test_what_the_package_is_built_from_is_copied_before_it_is_built() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    folders = {*built["wheel"]["packages"], *(each.partition("/")[0] for each in built["wheel"]["force-include"])}
    before, _, _ = DOCKERFILE.partition("RUN python -m pip install")
    assert folders == set(re.findall(r"^COPY (\w+) ", before, re.MULTILINE))
    assert {f"/{each}" for each in folders} <= set(built["sdist"]["include"])


def test_commands_name_files_and_work_pools_that_there_are() -> None:
    words = " ".join(strings(SERVICES["register"]["command"]) + strings(SERVICES["worker"]["command"]))
    assert words.count("/opt/landbridge/deployments/process-job.json") == 1
    for file in re.findall(r"/opt/landbridge/(\S+)", words):
        assert (ROOT / file).is_file()
    assert "work-pool create landbridge " in words
    assert "--pool landbridge" in words


@pytest.mark.parametrize("engine", ["mysql", "postgres"])
def test_the_sample_data_is_the_demos(engine: str) -> None:
    mounted = [volume.partition(":")[0] for volume in SERVICES[engine]["volumes"]]
    script = next(ROOT / each for each in mounted if each.endswith("shop.sql"))
    assert shop(engine)[0] in script.read_text()


def test_the_job_template_takes_secrets_from_a_secret_by_its_name() -> None:
    template = json.loads((ROOT / "deployments/kubernetes-job.json").read_text())
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["name"] == "prefect-job"  # its worker insists
    assert container["envFrom"] == [{"secretRef": {"name": "{{ secret }}"}}]
    assert f"uid {pod['securityContext']['runAsUser']} " in DOCKERFILE
    assert f"VOLUME {container['volumeMounts'][0]['mountPath']}\n" in DOCKERFILE
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(template["job_configuration"])))
    assert used == set(template["variables"]["properties"])


def test_the_template_for_processes_names_a_module_that_there_is() -> None:
    template = json.loads((ROOT / "deployments/process-job.json").read_text())
    command = template["variables"]["properties"]["command"]["default"]
    assert find_spec(command.removeprefix("python -m ")) is not None
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(template["job_configuration"])))
    assert used == set(template["variables"]["properties"])


def test_the_template_for_containers_uses_the_image_and_the_volume_of_the_compose_file() -> None:
    template = json.loads((ROOT / "deployments/docker-job.json").read_text())
    given = template["variables"]["properties"]
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(template["job_configuration"])))
    assert used == set(given)
    assert given["image"]["default"] == SERVICES["worker"]["image"]
    (volume,) = given["volumes"]["default"]
    name, _, place = volume.partition(":")
    assert name.removeprefix(f"{COMPOSE['name']}_") in COMPOSE["volumes"]
    assert f"VOLUME {place}\n" in DOCKERFILE
    assert given["networks"]["default"] == [f"{COMPOSE['name']}_default"]


def test_the_commands_of_the_image_are_installed_with_it() -> None:
    assert callable(import_module("flows.__main__").main)
    assert 'CMD ["landbridge", "--help"]' in DOCKERFILE

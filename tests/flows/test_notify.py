"""Alarms, gates, failures and zombies: told once, through automations of a real server, to a receiver on this machine."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events import emit_event
from prefect.states import Running

from landbridge import ledger
from landbridge.begin import must_find
from tasks import alarming, notifying
from tasks.running import ledger_of
from tests.flows.conftest import Run, Shop
from tests.unit.test_alarms import QUIET


class Receiver:
    """What was posted, by path."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posted.append((self.path, self.headers["Content-Type"], json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def texts(self, path: str) -> list[str]:
        return [body["text"] for posted, _, body in self.posted if posted == path]

    def wait(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"waited in vain; posted: {self.posted}"
            time.sleep(0.1)
        return found


@pytest.fixture
def receiver(landbridge: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """With the automations installed, to both forms; a zombie's patience is the least that Prefect takes."""
    made = Receiver()
    monkeypatch.setenv("SLACK_URL", made.url("/slack"))
    monkeypatch.setenv("PLAIN_URL", made.url("/json"))
    shipped = notifying.shipped()
    monkeypatch.setattr(notifying, "shipped", lambda: [_hasty(each) for each in shipped])
    done = landbridge("notify", "install", "--slack", "env:SLACK_URL", "--url", "env:PLAIN_URL", "--json")
    assert done.code == 0, done.err
    assert done.data == {"automations": [each["name"] for each in shipped], "webhooks": ["slack", "json"]}
    yield made
    assert len(landbridge("notify", "remove", "--json").data["removed"]) == len(shipped)
    made.server.shutdown()
    made.server.server_close()


def _hasty(automation: dict[str, Any]) -> dict[str, Any]:
    trigger = automation["trigger"]
    if trigger["posture"] == "Reactive":
        return automation
    match = trigger["match"] | {"prefect.resource.name": "migrate nobody"}  # for real runs it would be too hasty
    return automation | {"trigger": trigger | {"within": 10, "match": match}}


def zombie() -> Any:
    """A run that is said to go on."""
    from flows.migrate import migrate

    with get_client(sync_client=True) as client:
        return client.create_flow_run(migrate, parameters={"plan": {}}, name="migrate nobody", state=Running())


def say_it_lives(run: Any) -> None:
    emit_event(
        "prefect.flow-run.heartbeat",
        {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name},
        related=[{
            "prefect.resource.id": f"prefect.flow.{run.flow_id}", "prefect.resource.role": "flow",
            "prefect.resource.name": "migrate",
        }],
        id=uuid4(),
    )  # fmt: skip


def test_who_is_named_is_told_once_what_happens(landbridge: Run, shop: Shop, receiver: Receiver) -> None:
    dead = zombie()
    say_it_lives(dead)
    assert landbridge("notify", "test").code == 0
    receiver.wait(lambda: len(receiver.texts("/slack")) == 1 and len(receiver.texts("/json")) == 1)
    by_path = {path: (kind, body) for path, kind, body in receiver.posted}
    said = "trial: this is a trial message of `landbridge notify test`"
    assert by_path["/slack"] == ("application/json", {"text": said})
    assert by_path["/json"][1]["event"] == "landbridge.notify.test"
    assert by_path["/json"][1]["payload"] == {"plan": "trial", "run": "", "text": said}

    assert landbridge("migrate", str(shop.file), "--no-wait").code == 4
    name = shop.plan.name
    gate = f"{name}: gate cutover is not approved yet; the run ended"
    receiver.wait(lambda: gate in receiver.texts("/slack"))
    say_it_lives(dead)  # again, and never after: the server may not have known the automation yet, the first time
    for phase in ("prepare", "load", "verify"):
        assert any(text.startswith(f"{name}: {phase} is done") for text in receiver.texts("/slack")), phase

    run = must_find(shop.plan).run
    late = replace(QUIET, lag=61.4)
    assert alarming.look(shop.plan, run, late) == {"lag"}
    assert alarming.look(shop.plan, run, late) == {"lag"}
    with ledger_of(shop.plan).connect() as connection:
        assert [(each.alarm, each.found) for each in ledger.alarms(connection, run)] == [
            ("lag", "the target is 61 s behind the source")
        ]
    assert "ALARM lag: the target is 61 s behind the source" in landbridge("status", str(shop.file)).out
    assert 'alarm="lag"} 1' in landbridge("status", str(shop.file), "--prometheus").out
    assert alarming.look(shop.plan, run, QUIET) == set()
    assert alarming.look(shop.plan, run, QUIET) == set()
    receiver.wait(lambda: f"{name}: alarm lag is over" in receiver.texts("/json"))
    assert [text for text in receiver.texts("/json") if "alarm lag" in text] == [
        f"{name}: alarm lag: the target is 61 s behind the source",
        f"{name}: alarm lag is over",
    ]

    shop.sql("target", "update orders set total = total + 1 where id = 5")
    assert landbridge("validate", str(shop.file)).code == 1
    receiver.wait(lambda: any(text.startswith(f"validate {name}: Failed. ") for text in receiver.texts("/slack")))
    receiver.wait(lambda: _state(dead.id) == StateType.CRASHED)
    receiver.wait(lambda: any("migrate nobody: Crashed. No heartbeat" in text for text in receiver.texts("/slack")))


def _state(run: Any) -> Any:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run).state_type


def test_an_address_is_given_by_reference(landbridge: Run) -> None:
    done = landbridge("notify", "install", "--slack", "https://hooks.slack.com/secret", "--json")
    assert done.code == 2
    assert "by reference" in done.data["found"]
    assert "secret" not in done.err.replace("is a secret", "")

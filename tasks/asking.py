"""
The pause at a gate: the orchestrator's form, watched beside what must go on meanwhile. An answer may come from the
form, from the orchestrator's API (the same input), or from anywhere else into the ledger.
"""

import contextvars
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal, cast
from uuid import UUID

import httpx
from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.exceptions import FlowPauseTimeout, PrefectHTTPStatusError
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput, keyset_from_base_key
from prefect.logging import get_run_logger
from prefect.states import Crashed
from pydantic import ConfigDict, Field, SecretStr, create_model

from landbridge.approving import Answer
from landbridge.catch_up import Watch
from landbridge.errors import InvalidApproval, MigrationError, Transient
from landbridge.ledger import Approval
from landbridge.plan import Plan, seconds
from tasks import approval, artifacts
from tasks.board import BOARD

_LOOK_EVERY = 1.0
_POLL = 2
_MOST_TRIES = 10
_AWAY = (httpx.TransportError, PrefectHTTPStatusError)


class _Decision(RunInput):
    """What everybody fills in, and so stands first."""

    model_config = ConfigDict(hide_input_in_errors=True)

    decision: Literal["approve", "reject"] = "reject"
    approved_by: str = Field(default="", description="your name")
    reason: str = Field(default="", description="why")


class _Code(_Decision):
    code: SecretStr = Field(default=SecretStr(""), description="yours; it is erased as soon as it was read")


class GateForm(_Decision):
    """The form."""

    expires: str = Field(default="", description="how long it is good, like 2h; empty: as long as the plan says")
    evidence: str = Field(default="", description="the hash of the evidence above: you have seen it")


class GateFormWithCode(GateForm, _Code):
    """The form where the plan lists approvers; the fields of the last come first."""


def wait_for_decision(plan: Plan, run: str, request: Approval, text: str, watch: Watch) -> bool:
    """
    Pause the flow run until a request is answered for good, or, by somebody, in part. False when nobody does for as
    long as an approval would be good. `watch` goes on being called.
    """
    BOARD.note(f"approve in the UI: {BOARD.flow_run}")
    BOARD.note(
        f"or with: landbridge approve {BOARD.plan_file} --by NAME --reason TEXT --evidence {request.evidence_hash[:12]}"
    )
    before = ""
    for attempt in range(_MOST_TRIES):
        form = _pause(plan, run, request, f"{before}{text}", watch, attempt)
        if form is None:
            return False
        now = approval.latest(plan, run, request.gate)
        if now is None or _moved(now, request):
            return True
        try:
            approval.decide(plan, run, request.number, _answer(form))
        except InvalidApproval as error:
            BOARD.note(f"an answer did not count: {error.found}")
            before = f"**The last answer did not count: {error.found}.** To mend it: {error.mend}\n\n"
        else:
            return True
    raise InvalidApproval(
        f"the gate was answered {_MOST_TRIES} times in a way that does not count",
        mend="run the same command again; the request is still open",
    )


def _answer(form: GateForm) -> Answer:
    code = form.code.get_secret_value() if isinstance(form, GateFormWithCode) else ""
    try:
        expires = seconds(form.expires.strip()) if form.expires.strip() else None
    except ValueError as error:
        raise InvalidApproval(str(error), mend="write it so, or leave it empty") from None
    return Answer(
        approve=form.decision == "approve", by=form.approved_by, reason=form.reason, evidence=form.evidence,
        expires=expires, code=code,
    )  # fmt: skip


def _pause(plan: Plan, run: str, request: Approval, text: str, watch: Watch, attempt: int) -> GateForm | None:
    """What the form says; None when nobody answers in time."""
    form = _form(plan, request, text)
    limit = int(seconds(plan.cutover.approval_expires))
    key = artifacts.key(run, str(request.number), str(len(request.decisions)), str(attempt))
    with _watching(plan, run, request, watch):
        try:
            return _wait_at_the_form(form, limit, key)
        except FlowPauseTimeout:
            return None
        finally:
            erase_answers(str(runtime.flow_run.id))


def _form(plan: Plan, request: Approval, text: str) -> type[GateForm]:
    """The text stands with the first field: the dialog keeps room for its fields, and none for what is above them."""
    said = "".join(f"\n\n- {'approved' if each.approve else 'rejected'} by {each.name}" for each in request.counted)
    kind = GateFormWithCode if plan.cutover.approvers else GateForm
    seen = kind.model_fields["evidence"].description
    fields: dict[str, Any] = {
        "decision": (Literal["approve", "reject"], Field(default="reject", description=f"{text}{said}")),
        "evidence": (str, Field(default=request.evidence_hash, description=seen)),
    }
    filled = cast("type[GateForm]", create_model(kind.__name__, __base__=kind, **fields))
    return filled.with_initial_data(description=f"Gate {request.gate} of {plan.name}, request {request.number}")


def _wait_at_the_form(form: type[GateForm], limit: int, key: str) -> GateForm:
    """The orchestrator's pause gives up when its server is away for a minute; there the run stays paused. Raises
    FlowPauseTimeout."""
    deadline = time.monotonic() + limit
    try:
        return pause_flow_run(wait_for_input=form, timeout=limit, poll_interval=_POLL, key=key)
    except _AWAY as error:
        get_run_logger().warning("the orchestrator is away, the gate stays as it is: %s", type(error).__name__)
    while time.monotonic() < deadline:
        time.sleep(_POLL)
        with suppress(*_AWAY, RuntimeError), get_client(sync_client=True) as client:
            state = client.read_flow_run(UUID(str(runtime.flow_run.id))).state
            if state is not None and state.is_running():
                return cast("GateForm", form.load(keyset_from_base_key(f"paused-{key}")))
    raise FlowPauseTimeout("nobody answered")


def erase_answers(flow_run: str) -> None:
    """An answer may hold a code: the orchestrator keeps it no longer than until it was read, or its run has died."""
    try:
        with get_client(sync_client=True) as client:
            given = client.filter_flow_run_input(UUID(flow_run), "paused-", limit=200, exclude_keys=set())
            for each in given:
                if each.key.endswith("-response"):
                    client.delete_flow_run_input(flow_run_id=UUID(flow_run), key=each.key)
    except Exception as error:  # noqa: BLE001  (any of the client's)
        get_run_logger().warning("answers at the gate cannot be erased: %s", type(error).__name__)


def put_away(flow_run: str) -> None:
    """A flow run that asked before and died so: whoever holds the plan's lock knows that its process is gone. It must
    not stand paused for ever."""
    erase_answers(flow_run)
    if flow_run == str(runtime.flow_run.id):
        return
    with suppress(Exception), get_client(sync_client=True) as client:  # it is only to be seen
        state = client.read_flow_run(UUID(flow_run)).state
        if state is not None and not state.is_final():
            said = f"its process is gone; {runtime.flow_run.name!r} goes on from there"
            client.set_flow_run_state(UUID(flow_run), Crashed(message=said), force=True)


@contextmanager
def _watching(plan: Plan, run: str, request: Approval, watch: Watch) -> Iterator[None]:
    """Beside the pause: end it when the ledger has the answer, or when what must go on meanwhile has died."""
    ended, died = threading.Event(), list[MigrationError]()

    def look() -> None:
        while not ended.wait(_LOOK_EVERY):
            try:
                watch()
            except MigrationError as error:
                died[:] = [error]
            if (died or _is_answered(plan, run, request)) and _resume(str(request.flow_run)):
                return

    thread = threading.Thread(target=contextvars.copy_context().run, args=(look,), name="gate", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if died:
        raise died[0]


def _is_answered(plan: Plan, run: str, request: Approval) -> bool:
    """In part, too, or when a newer request made this one void. A ledger that cannot be read is asked again."""
    try:
        now = approval.latest(plan, run, request.gate)
    except Transient:
        return False
    return now is None or _moved(now, request)


def _moved(now: Approval, request: Approval) -> bool:
    return (now.number, now.state, len(now.decisions)) != (request.number, "requested", len(request.decisions))


def _resume(flow_run: str) -> bool:
    """The form's values do not matter here: the ledger has the answer."""
    given = {"decision": "reject", "approved_by": "", "reason": "see the ledger"}
    try:
        with get_client(sync_client=True) as client:
            client.resume_flow_run(UUID(flow_run), run_input=given)
    except Exception as error:  # noqa: BLE001  (any of the client's; it is tried again)
        get_run_logger().warning("the pause cannot be ended: %s", type(error).__name__)
        return False
    return True

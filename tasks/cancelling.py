"""
Cancelling in the orchestrator where nobody else carries it out: of a run of the command line, of one whose worker is
gone, and of one whose worker was not told or takes its time. Each run looks for itself, and ends in order.
"""

import contextvars
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import Abort
from prefect.logging import get_run_logger
from prefect.states import Cancelled

_LOOK_EVERY = 2.0
_WORKERS_TURN = 10.0


@contextmanager
def heeding() -> Iterator[None]:
    """A run that is cancelled leaves by Abort, which the engine takes for no failure, and says so when it has left."""
    run = runtime.flow_run.root_flow_run_id  # none where no flow runs, so that nobody could cancel it
    if run is None or threading.current_thread() is not threading.main_thread():  # only there a signal can interrupt
        yield
        return
    before = signal.signal(signal.SIGUSR1, _leave)
    watch = _Watch(UUID(run), supervised())
    watch.start()
    try:
        try:
            yield
        finally:
            watch.end()
    except Abort:
        if watch.found:
            _say_so(watch.flow_run)
        raise
    finally:
        signal.signal(signal.SIGUSR1, before)


def _leave(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a worker that comes late would break off what ends in order
    raise Abort("cancelled in the orchestrator")


def supervised() -> Callable[[], bool]:
    """Whether whoever started this process, and cancels it, is still there: where a worker did."""
    if runtime.deployment.id is None:
        return lambda: False
    parent = os.getppid()
    return lambda: os.getppid() == parent


class _Watch:
    """In a thread of its own, which may hang on a server that is away: nobody waits for it."""

    def __init__(self, flow_run: UUID, supervised: Callable[[], bool]) -> None:
        self.flow_run, self.found = flow_run, False
        self._supervised = supervised
        self._ended, self._telling = threading.Event(), threading.Lock()

    def start(self) -> None:
        here = contextvars.copy_context()  # the orchestrator's settings stand in it
        threading.Thread(target=here.run, args=(self._look,), name="cancelling", daemon=True).start()

    def end(self) -> None:
        with self._telling:
            self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            with suppress(Exception), get_client(sync_client=True) as client:  # a server that is away comes back
                self._ask(client)

    def _ask(self, client: SyncPrefectClient) -> None:
        """Again and again, over one connection. Raises what the client does."""
        since = math.inf
        while not self._ended.is_set():
            state = client.read_flow_run(self.flow_run).state
            if state is not None and (state.is_cancelling() or state.is_cancelled()):
                since = min(since, time.monotonic())
                if not self._supervised() or time.monotonic() - since >= _WORKERS_TURN:
                    self._tell()
            self._ended.wait(_LOOK_EVERY)

    def _tell(self) -> None:
        with self._telling:
            if not self._ended.is_set():
                self.found = True
                self._ended.set()
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


def _say_so(flow_run: UUID) -> None:
    try:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(flow_run, Cancelled(message="It has ended in order."), force=True)
    except Exception as error:  # noqa: BLE001  (any of the client's)
        get_run_logger().warning("the run has ended, but stays cancelling: %s", type(error).__name__)

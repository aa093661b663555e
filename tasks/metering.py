"""The figures, measured in a thread beside capture and apply: neither a phase nor the switch waits for them."""

import contextlib
import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.logging import get_run_logger

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.errors import MigrationError
from landbridge.figures import Figures, Meter
from landbridge.plan import Plan
from landbridge.runfolder import RunFolder
from tasks import alarming
from tasks.home import run_folder
from tasks.running import ledger_of

EVERY = 5.0
_STOP_PATIENCE = 1.0


class Metering:
    """latest: what was measured last, None before. alarms: those under way."""

    def __init__(self, plan: Plan, run: str) -> None:
        self.plan, self.run = plan, run
        self.latest: Figures | None = None
        self.alarms: set[str] = set()
        self._stop = threading.Event()

    def go_on(self) -> None:
        """Until told to stop. What fails is tried again: capture and apply say for themselves what they died of."""
        meter: Meter | None = None
        while not self._stop.is_set():
            try:
                meter = meter or self._meter()
                self.latest = meter.measure()
                meter.keep(self.latest)
                self.alarms = alarming.look(self.plan, self.run, self.latest)
            except MigrationError as error:
                get_run_logger().debug("no figures: %s", error.found)
            except Exception as error:  # noqa: BLE001  a thread that ended would go unseen for weeks
                get_run_logger().warning("no figures: %s", type(error).__name__)
            self._stop.wait(EVERY)
        with contextlib.suppress(MigrationError), ledger_of(self.plan).begin() as connection:
            ledger.clear_figures(connection, self.run)

    def stop(self) -> None:
        self._stop.set()

    def _meter(self) -> Meter:
        folder = RunFolder(run_folder(self.run))
        return Meter(connect(self.plan.source), connect(self.plan.target), self.run, folder)


@contextmanager
def metering(plan: Plan, run: str) -> Iterator[Metering]:
    made = Metering(plan, run)
    thread = threading.Thread(target=contextvars.copy_context().run, args=(made.go_on,), name="figures", daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join(_STOP_PATIENCE)

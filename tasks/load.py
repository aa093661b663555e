"""The load: one task a table, several at once; the engine cuts a table into segments itself."""

import threading
from collections.abc import Sequence
from concurrent.futures import wait
from functools import partial

from prefect.futures import PrefectConcurrentFuture
from prefect.task_runners import ThreadPoolTaskRunner

from landbridge import ledger, schema
from landbridge.catch_up import Watch
from landbridge.endpoints import Endpoint, connect
from landbridge.endpoints.abc import Connects, Phase, Statement
from landbridge.load import Loading, finish_load
from landbridge.model import Copied, TableMap
from landbridge.plan import Plan
from tasks import artifacts
from tasks.board import BOARD, TableProgress
from tasks.running import ledger_of
from tasks.steps import step

_LOOK_EVERY = 0.5
_INDEXES: tuple[Phase, ...] = ("indexes",)


class Stopped(Exception):
    """The run ends: this table stops after the segments under way. What it has is in the ledger."""


@step("load", run_name="load-{table.source.name}")
def load_table(
    loading: Loading, target: Endpoint, table: TableMap, indexes: Sequence[Statement], stop: threading.Event
) -> None:
    """A table's rows, then its plain indexes while others still load."""
    loading.load_table(table, partial(_count, stop))
    BOARD.finish_table(table.number)
    schema.build(target, loading.run, indexes, _INDEXES, table=table.number)


def _count(stop: threading.Event, table: TableMap, copied: Copied) -> None:
    BOARD.copied(table.number, copied.rows, copied.bytes)
    if stop.is_set():
        raise Stopped


def load_tables(plan: Plan, run: str, watch: Watch) -> str:
    """All tables that are not loaded yet, the largest first; then apply may begin. What came of it in one line."""
    source, target = connect(plan.source), connect(plan.target)
    todo = _expect(plan, run)
    loading = Loading(source, target, run, workers=plan.load.workers, segment_mb=plan.load.segment_mb)
    with target.get(Connects).engine().begin() as connection:
        indexes = schema.statements(target, ledger.blueprint(connection, run))
    stop = threading.Event()
    runner: ThreadPoolTaskRunner[None] = ThreadPoolTaskRunner(max_workers=plan.load.workers)
    with runner:
        try:
            given = {"loading": loading, "target": target, "indexes": indexes, "stop": stop}
            futures = [runner.submit(load_table, given | {"table": table}) for table in todo]
            _wait_for_all(plan, futures, watch)
        finally:
            stop.set()
    finish_load(target, run)
    return _summary(plan, run)


def _expect(plan: Plan, run: str) -> list[TableMap]:
    """Puts all tables on the board, those of an earlier try with what they have; the ones to load."""
    with ledger_of(plan).connect() as connection:
        states, done = ledger.table_states(connection, run), ledger.loaded_so_far(connection, run)
    for state in states:
        source = state.map.source
        rows, size = done.get(state.map.number, (0, 0))
        finished = state.state not in ("pending", "loading")
        BOARD.expect(
            state.map.number,
            TableProgress(
                name=str(source.name), expected_rows=source.rows, expected_bytes=source.bytes,
                rows=rows, bytes=size, finished=finished,
            ),
        )  # fmt: skip
    todo = [state.map for state in states if state.state in ("pending", "loading")]
    return sorted(todo, key=lambda table: -table.source.bytes)


def _wait_for_all(plan: Plan, futures: list[PrefectConcurrentFuture[None]], watch: Watch) -> None:
    """Raises the first table's error; the other tables stop after the segments under way."""
    bar = artifacts.Bar("copied", plan.name, "Rows copied, of those expected")
    pending = {future.wrapped_future: future for future in futures}
    while pending:
        watch()
        for finished in wait(pending, timeout=_LOOK_EVERY).done:
            pending.pop(finished).result()
        tables = list(BOARD.tables.values())
        bar.move(sum(t.rows for t in tables), sum(max(t.expected_rows, t.rows) for t in tables))
    bar.move(1, 1, last=True)


def _summary(plan: Plan, run: str) -> str:
    with ledger_of(plan).connect() as connection:
        states = ledger.table_states(connection, run)
    rows = [
        {
            "table": str(state.map.source.name),
            "rows": state.rows,
            "MB": round(state.bytes / 1e6, 1),
            "seconds": round((state.finished or 0) - (state.started or 0), 1),
        }
        for state in states
    ]
    artifacts.table("load", plan.name, rows, f"What {plan.name} copied")
    total, size = sum(state.rows for state in states), sum(state.bytes for state in states)
    return f"{len(states)} tables, {total:,} rows, {size / 1e6:,.1f} MB"

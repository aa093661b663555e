"""
The product's engine as a real migration runs it, without the orchestrator: `python -m tests.bench.engine PLAN FOLDER`.
A line of JSON when everything is loaded; then capture and apply go on until standard input ends.
"""

import json
import os
import sys
import time
from pathlib import Path

from landbridge import ledger, schema
from landbridge.begin import begin, capture_start
from landbridge.catch_up import wait_consistent
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.load import Loading, finish_load
from landbridge.plan import read_plan
from landbridge.precheck import look
from landbridge.replicate import Replication


def main(path: Path, home: Path) -> None:
    plan = read_plan(path)
    source, target = connect(plan.source), connect(plan.target)
    run = begin(plan, look(plan, source, target)).run
    engine = target.get(Connects).engine()
    with engine.begin() as connection:
        blueprint = ledger.blueprint(connection, run)
    schema.build(target, run, schema.statements(target, blueprint), ("tables",))
    capture_start(plan, run, source, target)
    with Replication(plan, run, home / "runs" / run) as replication:
        began = time.perf_counter()
        loading = Loading(source, target, run, workers=plan.load.workers, segment_mb=plan.load.segment_mb)
        for table in blueprint.tables:
            loading.load_table(table)
        seconds = time.perf_counter() - began
        finish_load(target, run)
        wait_consistent(engine, run, replication.check, 60)
        with engine.begin() as connection:
            rows = sum(state.rows for state in ledger.table_states(connection, run))
        print(json.dumps({"run": run, "rows": rows, "seconds": seconds, "pid": os.getpid()}), flush=True)
        while sys.stdin.readline():
            replication.check()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

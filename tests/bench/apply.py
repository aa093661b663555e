"""How fast apply alone is, from a full spool into a table that is there: `python -m tests.bench.apply`."""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from landbridge import ledger
from landbridge.change import DELETE, INSERT, UPDATE, Change, Transaction
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.connection import Database
from landbridge.kinds import Text
from landbridge.ledger import layout
from landbridge.model import Column, ColumnMap, Key, Position, Table, TableMap, TableName
from landbridge.plan import EndpointRef, Plan, TableRule
from landbridge.runfolder import RunFolder
from landbridge.spool import SpoolWriter
from tests.packing import packed

INSERTS, UPDATES, DELETES = 200_000, 100_000, 50_000
PRESENT = 400_000
TRANSACTION = 100
RUN = "bench_apply"
COLUMNS = {
    "id": "bigint", "customer": "int", "status": "varchar(20)", "amount": "numeric(10,2)", "day": "date",
    "changed": "timestamp(6)", "note": "text", "payload": "varchar(200)", "flag": "bool",
}  # fmt: skip


def image(number: int, version: int) -> tuple[bytes | None, ...]:
    return (
        b"%d" % number, b"%d" % (number * 7919 % 100_000), b"shipped" if version else b"new",
        b"%d.50" % (number % 1000), b"2024-02-29", b"2024-02-29 12:34:56.%06d" % (number % 1_000_000),
        None if number % 3 else b"note %d" % number, b"x" * 90, b"1" if version else b"0",
    )  # fmt: skip


def changes() -> list[Change]:
    """Inserts of new rows, updates and deletes of those that are there, in an order of chance."""
    chance = random.Random(5)
    there = chance.sample(range(PRESENT), UPDATES + DELETES)
    made: list[Change] = [(INSERT, 0, None, image(number, 0)) for number in range(PRESENT, PRESENT + INSERTS)]
    made += [(UPDATE, 0, None, image(number, 1)) for number in there[:UPDATES]]
    made += [(DELETE, 0, (b"%d" % number,), None) for number in there[UPDATES:]]
    chance.shuffle(made)
    return made


def table_map() -> TableMap:
    columns = tuple(Column(name=name, kind=Text(), native=native) for name, native in COLUMNS.items())
    key = Key(name="orders_pkey", columns=("id",))
    table = Table(name=TableName(schema="public", name="orders"), columns=columns, primary_key=key)
    pairs = tuple(ColumnMap(source=column, target=column) for column in columns)
    return TableMap(number=0, source=table, target=table, columns=pairs, plain=True)


def fill(engine: sa.Engine) -> None:
    columns = ", ".join(f"{name} {native}" for name, native in COLUMNS.items())
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"create table orders ({columns}, primary key (id))".replace("orders", "public.orders")
        )
        connection.exec_driver_sql(
            f"insert into public.orders select i, i %% 100000, 'new', i %% 1000, '2024-02-29', '2024-02-29 12:34:56',"
            f" null, repeat('x', 90), false from generate_series(0, {PRESENT - 1}) i"
        )
        ledger.open_ledger(connection)
        ledger.add_tables(connection, RUN, [table_map()])
        connection.execute(layout.tables.update().values(state="applying"))
        ledger.start_stream(connection, RUN, Position("0"))


def spool(folder: RunFolder, made: list[Change]) -> SpoolWriter:
    writer = SpoolWriter.create(folder.spool, RUN, Position("0"))
    for number, start in enumerate(range(0, len(made), TRANSACTION), 1):
        rows = packed(made[start : start + TRANSACTION], {0: (0,)}, {0: len(COLUMNS)})
        writer.append(Transaction(Position(f"{number:012}"), time.time(), [], packed=rows))
    writer.flush()
    return writer


@contextmanager
def target(folder: Path) -> Iterator[EndpointRef]:
    server = postgres.start(folder / "server")
    try:
        postgres.create_database(server, "bench")
        yield EndpointRef(engine="postgres", host=server.host, port=server.port, user=server.user, database="bench")
    finally:
        postgres.remove(folder / "server")


def wait(engine: sa.Engine, process: "subprocess.Popen[bytes]", reached: str) -> float:
    """Until the position is reached; the time then."""
    while True:
        with engine.begin() as connection:
            row = ledger.read_stream(connection, RUN)
        if row.position >= reached and (reached != "0" or row.held):
            return time.perf_counter()
        assert process.poll() is None, "apply ended"
        time.sleep(0.01)


def measure() -> dict[str, float]:
    made = changes()
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as name, target(Path(name)) as ref:
        engine, folder = Database(ref).engine(), RunFolder(Path(name) / "run")
        fill(engine)
        folder.describe(RUN, Plan(name="bench", source=ref, target=ref, tables=(TableRule(include="public.*"),)))
        writer = spool(folder, made)
        folder.write("capture.json", {"spool": writer.id})
        with engine.begin() as connection:
            ledger.set_spool(connection, RUN, writer.id)
            ledger.set_hold(connection, RUN, ledger.NOW)
        process = subprocess.Popen([sys.executable, "-m", "landbridge.replicate", "apply", str(folder.path)])
        try:
            begun = wait(engine, process, "0")
            with engine.begin() as connection:
                ledger.set_hold(connection, RUN, "")
            seconds = wait(engine, process, writer.tail) - begun
            memory = Path(f"/proc/{process.pid}/status").read_text().partition("VmHWM:")[2].split()[0]
        finally:
            process.terminate()
            process.wait()
            writer.close()
        with engine.begin() as connection:
            rows = connection.exec_driver_sql("select count(*) from public.orders").scalar_one()
        assert rows == PRESENT + INSERTS - DELETES
    speed = len(made) / seconds
    return {"changes": len(made), "seconds": seconds, "changes_per_second": speed, "peak_mb": int(memory) / 1024}


if __name__ == "__main__":
    print(json.dumps({name: round(value, 2) for name, value in measure().items()}))

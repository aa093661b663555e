"""
How fast capture from PostgreSQL is: `python -m tests.bench.decode_postgres [ROWS]`. Reading is the driver alone,
decoding the same messages from memory, the stream both at once, the spool all of capture.
"""

import gc
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from landbridge.endpoints.postgres import changes
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.log import pgoutput
from landbridge.endpoints.postgres.log.decode import Decoder
from landbridge.model import Position
from landbridge.spool import SpoolWriter
from tests.engines.capture import RUN, Source, until

TABLE = """
    create table b (id bigint primary key, a int, t text, ts timestamptz, n numeric(12,2), f float8, bo bool, j jsonb,
        pad text)
"""
INSERT = """
    insert into b select i, i %% 1000, 'customer ' || i, '2024-01-01'::timestamptz + i * interval '1 s', i / 100.0,
        i / 7.0, i %% 2 = 0, jsonb_build_object('k', i), repeat('x', 80) from generate_series(%s, %s) i
"""
PER_TRANSACTION = 100


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    with _server() as server:
        source = Source(server, "postgres")
        source.run(TABLE)
        since = source.prepare("b")
        _one(source, count)
        payloads = _report("one transaction, read by the driver", count, lambda: _read(source, since))
        _report("one transaction, decoded from memory", count, lambda: _decode(source, payloads))
        payloads.clear()
        _report("one transaction, stream", count, lambda: _stream(source, since))
        _report("one transaction, stream into the spool", count, lambda: _spool(source, since))
        begun = source.log.here()
        changed = _many(source, count)
        _report(f"transactions of {PER_TRANSACTION}, stream", changed, lambda: _stream(source, begun))
        _report(f"transactions of {PER_TRANSACTION}, stream into the spool", changed, lambda: _spool(source, begun))
        print(f"largest resident size: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        source.connection.close()


def _one(source: Source, count: int) -> None:
    source.run(INSERT, 1, count)


def _many(source: Source, count: int) -> int:
    """Inserts, updates and deletes, 4 : 2 : 1."""
    parts = [
        (INSERT, count, count + count * 4 // 7),
        ("update b set a = a + 1, t = 'changed' where id > %s and id <= %s", 0, count * 2 // 7),
        ("delete from b where id > %s and id <= %s", count * 2 // 7, count * 3 // 7),
    ]
    for statement, low, high in parts:
        inserting = statement is INSERT
        for begin in range(low, high, PER_TRANSACTION):
            source.run(statement, begin + inserting, min(begin + PER_TRANSACTION, high))
    return sum(high - low for _, low, high in parts)


def _read(source: Source, since: Position) -> list[bytes]:
    with closing(Database(source.ref).open_replication()) as connection:
        cursor = changes._start(connection, changes._name(RUN), since)
        payloads: list[bytes] = []
        while not payloads or payloads[-1][0] != pgoutput.COMMIT:
            message = cursor.read_message()
            if message is not None:
                payloads.append(message.payload)
    return payloads


def _decode(source: Source, payloads: list[bytes]) -> None:
    decoder = Decoder(source.tables, lambda relation, table: True)
    for payload in payloads:
        decode = decoder.rows.get(payload[:5])
        if decode is not None:
            decode(payload)
        elif payload[0] == pgoutput.RELATION:
            decoder.relation(payload)


def _stream(source: Source, since: Position) -> None:
    goal = source.log.here()
    with source.log.stream(RUN, since, source.tables) as stream:
        for _ in until(stream, goal, 600):
            pass


def _spool(source: Source, since: Position) -> None:
    goal = source.log.here()
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(SpoolWriter.create(Path(folder), RUN, since)) as spool,
        source.log.stream(RUN, since, source.tables, packed=True) as stream,
    ):
        for transaction in until(stream, goal, 600):
            spool.append(transaction)
        spool.flush()


def _report(what: str, count: int, measured: Callable[[], list[bytes] | None]) -> list[bytes]:
    gc.collect()
    began, used = time.perf_counter(), time.process_time()
    kept = measured()
    took, used = time.perf_counter() - began, time.process_time() - used
    print(f"{what:50} {count / took:>9,.0f} changes/s {used / count * 1e6:6.2f} µs of ours each")
    return kept or []


@contextmanager
def _server() -> Iterator[postgres.Server]:
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as folder:
        options = ("fsync=off", "max_wal_size=8GB", "logical_decoding_work_mem=256MB")
        yield postgres.start(Path(folder) / "server", options=options)
        postgres.remove(Path(folder) / "server")


if __name__ == "__main__":
    main()

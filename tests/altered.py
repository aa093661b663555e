"""A source whose tables are altered while a run follows it: both ends by their plain drivers, capture and apply."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from landbridge import ledger
from landbridge.apply import Applying
from landbridge.begin import capture_start
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes, Connects
from landbridge.endpoints.mysql import server as mysql
from landbridge.plan import Plan
from landbridge.replicate import Replication
from landbridge.runfolder import RunFolder
from landbridge.spool import SpoolReader
from tests.pair import Pair, plan, ref
from tests.support import mysql_connection, postgres_connection, rows


class End:
    """A database: its schema's name in a plan, and a session."""

    def __init__(self, server: Any, database: str) -> None:
        self.server, self.database = server, database
        self.engine = "mysql" if isinstance(server, mysql.Server) else "postgres"
        self.schema = database if self.engine == "mysql" else "public"
        self.connection = self.open()

    def open(self) -> Any:
        return (mysql_connection if self.engine == "mysql" else postgres_connection)(self.server, self.database)

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for statement in statements:
            found = rows(self.connection, statement)
        return found

    def ref(self) -> dict[str, Any]:
        return ref(self.engine, self.server, self.database)


class Altered:
    """The pair is loaded by the engine itself; capture and apply are the processes that they are."""

    def __init__(self, source: End, target: End, folder: Path, *setup: str, **settings: Any) -> None:
        self.source, self.target, self.folder = source, target, folder
        self.source.run(*setup)
        described = plan(
            "altered", source.ref(), target.ref(), f"{source.schema}.*",
            **{"tables": [{"include": f"{source.schema}.*", "to": f"{target.schema}.*"}], **settings},
        )  # fmt: skip
        self.pair = Pair(
            described, source.schema, target.run, lambda p: capture_start(p.plan, p.run, p.source, p.target)
        )
        self.engine = self.pair.target.get(Connects).engine()
        self.replication = Replication(described, self.pair.run, folder)

    def use(self, plan: Plan) -> None:
        """What may change in a plan during its run."""
        self.pair.plan, self.replication = plan, Replication(plan, self.pair.run, self.folder)

    def plan_file(self) -> Path:
        """For words of the command line."""
        path = self.folder / "plan.yaml"
        path.write_text(self.pair.plan.model_dump_json(exclude_none=True))
        return path

    def goes_on_at(self, source: End) -> None:
        """After a failover."""
        self.source, self.pair.source = source, connect(self.pair.plan.source)

    def wait(self, condition: Callable[[], Any], seconds: float = 40) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            self.replication.check()
            assert time.monotonic() < deadline, f"waited in vain: {self.row()}, {self.history()}"
            time.sleep(0.02)
        return found

    def row(self) -> ledger.StreamRow:
        with self.engine.begin() as connection:
            return ledger.read_stream(connection, self.pair.run)

    def history(self) -> list[tuple[str, str]]:
        """State and statement of every alteration met."""
        with self.engine.begin() as connection:
            return [(each.state, each.statement) for each in ledger.alterations(connection, self.pair.run)]

    def states(self) -> list[str]:
        return [state for state, _ in self.history()]

    def catch_up(self) -> None:
        here = self.pair.source.get(Changes).here()
        self.wait(lambda: self.row().position >= here)

    def spooled(self) -> None:
        """Capture has come as far as the source is."""
        here, folder = self.pair.source.get(Changes).here(), RunFolder(self.folder)
        self.wait(lambda: (folder.read("capture.json") or {"position": ""})["position"] >= here)

    def apply_here(self) -> None:
        """In this process, until something is raised."""
        spool = RunFolder(self.folder).spool
        Applying(
            self.pair.source, self.pair.target, self.pair.run,
            open_spool=lambda after: SpoolReader(spool, self.pair.run, after), stopping=lambda: False,
            tell=lambda _: None,
        ).run_until_stopped()  # fmt: skip

    def linger(self, seconds: float) -> None:
        """The moment of a blow is to be any."""
        time.sleep(seconds)

    def equal(self) -> None:
        """By the project's own comparison, over the tables as they are in the ledger now."""
        comparison = self.pair.compare()
        assert comparison.equal, comparison.differences
        assert sum(each.source.rows for each in comparison.ranges)

    def columns(self, table: str) -> list[str]:
        """Of the target's table, in the catalog's order."""
        found = self.target.run(
            "select column_name from information_schema.columns where table_schema ="
            f" '{self.target.schema}' and table_name = '{table}' order by ordinal_position"
        )
        return [name for (name,) in found]

    def kill(self, role: str) -> None:
        child = self.replication._children[role]
        child.kill()
        child.wait()

    def close(self) -> None:
        self.replication.stop()
        with contextlib.suppress(Exception):
            self.pair.source.get(Changes).release(self.pair.run)
        if self.target.engine == "mysql":
            self.target.run("drop database if exists landbridge")
        for end in (self.source, self.target):
            end.connection.close()


@contextlib.contextmanager
def altered(source: End, target: End, folder: Path, *setup: str, **settings: Any) -> Iterator[Altered]:
    made = Altered(source, target, Path(tempfile.mkdtemp(dir=folder)), *setup, **settings)
    try:
        yield made
    finally:
        made.close()

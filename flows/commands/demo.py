"""
`landbridge demo`: a whole migration on private servers, with an application that keeps writing. It runs the very words
that a user would type; only the servers, the shop and the writer are its own.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from flows.commands import output
from flows.commands.options import Json
from tasks.home import home

Source = Annotated[str, typer.Option("--source", help="Engine to migrate from; its server program must be installed.")]
Keep = Annotated[Path | None, typer.Option("--reports", help="Folder for the reports. Default: one in the home.")]


def demo(source: Source = "", reports: Keep = None, json_: Json = False) -> None:
    """Watch a migration happen: two private servers, a busy shop, load, capture, proof, cutover."""
    kept = (reports or home() / "demo" / time.strftime("%Y%m%d-%H%M%S")).resolve()
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="landbridge-demo-", ignore_cleanup_errors=True) as folder:
        stage = Stage(Path(folder), source or _embedded_name())
        Path(folder).chmod(0o755)  # the server may run as another user
        with stage.servers(), stage.writer(), stage.prefect():
            began = time.monotonic()
            code = stage.landbridge("migrate", str(stage.plan), "--yes")
            seconds = time.monotonic() - began
            stage.writes_again()
            summary = stage.summary(kept, seconds) | {"exit_code": code}
    output.result(summary, _told(summary), as_json=json_)
    raise typer.Exit(code)


def _embedded_name() -> str:
    from landbridge.endpoints import embedded

    return embedded().__name__.split(".")[-2]


class Stage:
    """Everything the demo brings itself, in one folder that is gone afterwards."""

    def __init__(self, folder: Path, engine: str) -> None:
        self.folder, self.engine = folder, engine
        self.plan = folder / "plan.yaml"
        self.environment = os.environ | {"LANDBRIDGE_HOME": str(folder / "home")}
        for name in ("PREFECT_API_URL", "PYTHONDONTWRITEBYTECODE"):
            self.environment.pop(name, None)
        self.refs: dict[str, dict[str, Any]] = {}
        self.urls: dict[str, str] = {}
        self.opened = threading.Event()

    @contextlib.contextmanager
    def servers(self) -> Iterator[None]:
        from landbridge.endpoints import embedded, private_server

        started = []
        try:
            for role, module in (("source", private_server(self.engine)), ("target", embedded())):
                output.note(f"starting the {role}: a private server ({module.__name__.split('.')[-2]})")
                server = module.start(self.folder / role)
                started.append((module, server))
                module.create_database(server, "shop")
                name = module.__name__.split(".")[-2]
                application = "shop" if role == "source" else server.user  # no superuser: those are above the freeze
                self.urls[role] = module.url(replace(server, user=application), "shop")
                self.refs[role] = {
                    "engine": name,
                    "host": server.host,
                    "port": server.port,
                    "user": server.user,
                    "database": "shop",
                }
            self._fill()
            yield
        finally:
            for module, server in started:
                module.remove(server.folder)

    def _fill(self) -> None:
        from landbridge.endpoints import connect, shop
        from landbridge.endpoints.abc import Connects, Describes
        from landbridge.plan import EndpointRef

        output.note("filling the shop with some 310,000 rows")
        source = connect(EndpointRef(**self.refs["source"]))
        self.schema = next(name for name in source.get(Describes).schemas() if name in ("public", "shop"))
        with source.get(Connects).engine().begin() as connection:
            literally = connection.execution_options(no_parameters=True)
            self._use(literally)
            for statement in shop(self.engine):
                literally.exec_driver_sql(statement)
        rules = [{"include": f"{self.schema}.*"}]
        self.plan.write_text(yaml.safe_dump({"name": "shop", **self.refs, "tables": rules}, sort_keys=False))

    def _use(self, connection: Any) -> None:
        """The shop's statements name no schema."""
        if self.schema == "public":
            connection.exec_driver_sql("set search_path to public")

    @contextlib.contextmanager
    def writer(self) -> Iterator[None]:
        """The application, which moves to the target in the moment the ledger says it is open."""
        self._tell("source")
        with (self.folder / "writer.log").open("w") as log:
            command = [sys.executable, "-m", "flows.commands.shop_writer", str(self.folder)]
            process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
        threading.Thread(target=self._move_when_open, daemon=True).start()
        try:
            yield
        finally:
            self.opened.set()
            process.terminate()
            process.wait()

    def _tell(self, role: str) -> None:
        part = self.folder / "writer.json.part"
        part.write_text(json.dumps({"url": self.urls[role], "schema": self.schema}))
        part.rename(self.folder / "writer.json")

    def _move_when_open(self) -> None:
        while not self.opened.wait(0.05):
            if self._cutover_state() == "done":
                self._tell("target")
                self.opened.set()

    def _cutover_state(self) -> str:
        import sqlalchemy as sa

        from landbridge import ledger
        from landbridge.errors import MigrationError

        with contextlib.suppress(MigrationError, sa.exc.SQLAlchemyError), self._ledger().connect() as connection:
            run = ledger.find_run(connection, self._plan()) if ledger.exists(connection) else None
            if run is not None:
                return ledger.cutover_row(connection, run.run)[0]
        return "none"

    def _plan(self) -> Any:
        from landbridge.plan import read_plan

        return read_plan(self.plan)

    def _ledger(self) -> Any:
        from landbridge.endpoints import connect
        from landbridge.endpoints.abc import Connects

        return connect(self._plan().target).get(Connects).engine()

    @contextlib.contextmanager
    def prefect(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.landbridge("server", "stop", quiet=True)

    def landbridge(self, *words: str, quiet: bool = False) -> int:
        if not quiet:
            output.note(f"\n$ landbridge {' '.join(words)}\n")
        out = subprocess.DEVNULL if quiet else sys.stderr
        return subprocess.run(
            [sys.executable, "-m", "flows", *words], env=self.environment, stdout=out, stderr=out, check=False
        ).returncode

    def writes_again(self) -> None:
        """Give the application a moment on the new side, so that its longest gap is known."""
        if self.opened.wait(1.0):
            time.sleep(1.2)

    def summary(self, kept: Path, seconds: float) -> dict[str, Any]:
        from flows.commands.demo_summary import summarise

        account = json.loads((self.folder / "writes.json").read_text())
        return summarise(self._ledger(), self._plan(), account, seconds, self.folder / "home", kept)


def _told(summary: dict[str, Any]) -> str:
    from flows.commands.demo_summary import text

    return text(summary)

"""Two databases and a plan between them: accounts, permissions, and the way back to a source that takes writes."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psycopg2
import pymysql
import yaml

from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.mysql.connection import Database as MysqlDatabase
from landbridge.endpoints.mysql.freeze import Freezer as MysqlFreezer
from landbridge.endpoints.postgres import server as postgres
from landbridge.plan import EndpointRef
from tests.directions.commandline import SECRETS
from tests.directions.compare import Side
from tests.directions.workload import APPLICATION, mysql_application, postgres_application
from tests.support import mysql_connection, postgres_connection, rows

MIGRATOR = "migrator"

Server = mysql.Server | postgres.Server


@dataclass(frozen=True, kw_only=True)
class End:
    """One database on one server. `variable` names the environment variable with the migrator's password."""

    engine: Literal["mysql", "postgres"]
    server: Any
    database: str
    variable: Literal["SOURCE_PASSWORD", "TARGET_PASSWORD"]

    def ref(self, **changed: Any) -> dict[str, Any]:
        """As it stands in a plan."""
        place = {"engine": self.engine, "host": self.server.host, "port": self.server.port}
        one = {"database": self.database} if self.engine == "postgres" else {}
        return place | one | {"user": MIGRATOR, "password": f"env:{self.variable}"} | changed

    def connect(self) -> Any:
        """As the server's owner, who is above every freeze."""
        if self.engine == "mysql":
            return mysql_connection(self.server, self.database)
        return postgres_connection(self.server, self.database, options="-c default_transaction_read_only=off")

    @contextlib.contextmanager
    def side(self, schema: str) -> Iterator[Side]:
        with contextlib.closing(self.connect()) as connection:
            yield Side(engine=self.engine, connection=connection, schema=schema)

    def run(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        with contextlib.closing(self.connect()) as connection:
            return rows(connection, sql, parameters)

    def application(self) -> Callable[[], Any]:
        make = mysql_application if self.engine == "mysql" else postgres_application
        return make(self.server, self.database)

    def _owner(self) -> EndpointRef:
        return EndpointRef(engine=self.engine, host=self.server.host, port=self.server.port, user=self.server.user)

    def prepare(self) -> None:
        """The account that migrates, with a password that the server asks for."""
        secret = SECRETS[self.variable]
        if self.engine == "mysql":
            self.run(f"CREATE USER IF NOT EXISTS '{MIGRATOR}'@'%' IDENTIFIED BY '{secret}'")
            self.run(f"GRANT ALL PRIVILEGES ON *.* TO '{MIGRATOR}'@'%'")
            return
        if not self.run("SELECT 1 FROM pg_roles WHERE rolname = %s", (MIGRATOR,)):
            self.run(f"CREATE ROLE {MIGRATOR} LOGIN SUPERUSER PASSWORD '{secret}'")
        rules = Path(self.run("SHOW hba_file")[0][0])
        asked = f"host all,replication {MIGRATOR} 127.0.0.1/32 scram-sha-256\n"
        if asked not in rules.read_text():
            rules.write_text(asked + rules.read_text())
            self.run("SELECT pg_reload_conf()")

    def thaw(self) -> None:
        """Whatever froze it: the server serves the next test, too. The database itself may be gone by now."""
        if self.engine == "mysql":
            with contextlib.closing(mysql_connection(self.server)) as connection:
                with contextlib.suppress(pymysql.ProgrammingError, pymysql.OperationalError):  # there is no note
                    for (run,) in rows(connection, "SELECT run FROM landbridge.freeze"):
                        MysqlFreezer(MysqlDatabase(self._owner())).thaw(run, "", ())
                flavour = str(rows(connection, "SELECT VERSION()")[0][0])
                rows(
                    connection, "SET GLOBAL read_only = 0" if "MariaDB" in flavour else "SET GLOBAL super_read_only = 0"
                )
                rows(connection, "SET GLOBAL read_only = 0")
                rows(connection, "DROP DATABASE IF EXISTS landbridge")  # the note of whose freeze it was
            return
        with contextlib.closing(postgres_connection(self.server)) as connection:
            for role in (APPLICATION, MIGRATOR):
                if rows(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)):
                    rows(connection, f"ALTER ROLE {role} LOGIN")
                    rows(connection, f"ALTER ROLE {role} RESET ALL")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """`schemas`: the source's to the target's names."""

    source: End
    target: End
    schemas: dict[str, str]
    folder: Path

    @property
    def plan(self) -> Path:
        return self.folder / "plan.yaml"

    def evidence(self) -> str:
        """What the ledger says of a run that failed."""
        lines = []
        for table in ("phases", "cutover", "stream", "rejects", "differences"):
            try:
                lines += [
                    f"{table}: {found}" for found in self.target.run(f"SELECT * FROM landbridge.{table} LIMIT 20")
                ]
            except (psycopg2.Error, pymysql.Error) as error:
                lines.append(f"{table}: {error}")
        return "\n".join(lines)

    def write_plan(self, **changed: Any) -> Path:
        """The plan, with parts of it replaced."""
        rules = [
            {"include": f"{source.partition('.')[0]}*.*" if "." in source else f"{source}.*"}
            | ({} if source == target else {"to": f"{target}.*"})
            for source, target in self.schemas.items()
        ]
        whole = {
            "name": self.folder.name, "source": self.source.ref(), "target": self.target.ref(), "tables": rules,
            "load": {"workers": 3, "segment_mb": 1}, "cutover": {"freeze": "read-only", "timeout": "60s"},
        }  # fmt: skip
        self.plan.write_text(yaml.safe_dump(whole | changed, sort_keys=False, allow_unicode=True))
        return self.plan

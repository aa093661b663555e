"""What the tests of the schema side share: describe, adopt, execute, and the server's own dump to compare with."""

import re
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import replace

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Adopted, Phase, Statement
from landbridge.endpoints.postgres import FAMILY
from landbridge.endpoints.postgres.catalog import Describer
from landbridge.endpoints.postgres.connection import Database, closing
from landbridge.endpoints.postgres.ddl import SchemaBuilder
from landbridge.endpoints.postgres.server import Server, bindir, find
from landbridge.kinds import Loss
from landbridge.model import Catalog, ColumnMap, Table, TableMap, TableName
from landbridge.plan import EndpointRef, parse_plan
from landbridge.precheck import look
from landbridge.schema import statements
from tests.support import rows

Schemas = Mapping[str, str]
"""Where the schemas of a source go; those not named stay."""


def database(server: Server, name: str, user: str | None = None) -> Database:
    ref = EndpointRef(engine="postgres", host=server.host, port=server.port, user=user or server.user, database=name)
    return Database(ref)


def everything(place: Database) -> Catalog:
    describer = Describer(place)
    return describer.describe(describer.schemas())


def moved(name: TableName, schemas: Schemas) -> TableName:
    return replace(name, schema=schemas.get(name.schema, name.schema))


class Made:
    """What a run would do: every table adopted, all statements executed on the target."""

    def __init__(self, target: Database, catalog: Catalog, schemas: Schemas) -> None:
        objects = (*catalog.tables, *catalog.sequences, *catalog.types)
        names = {each.name: moved(each.name, schemas) for each in objects}
        builder = SchemaBuilder(target)
        self.adopted = [builder.adopt(each, catalog.family, names[each.name], names) for each in catalog.tables]
        pairs = zip(catalog.tables, self.adopted, strict=True)
        maps = [table_map(n, table, done.table, catalog.family) for n, (table, done) in enumerate(pairs)]
        sequences = [replace(each, name=names[each.name]) for each in catalog.sequences]
        types = [replace(each, name=names[each.name]) for each in catalog.types]
        types += [named for done in self.adopted for named in done.types]
        self.statements = list(builder.statements(maps, sequences, types))
        assert execute(target, self.statements) > 0 or not catalog.tables

    @property
    def tables(self) -> list[Table]:
        return sorted((done.table for done in self.adopted), key=lambda table: table.name)

    @property
    def losses(self) -> list[Loss]:
        return [loss for done in self.adopted for loss in done.losses if loss.unfit is None]


def table_map(number: int, source: Table, target: Table, family: str) -> TableMap:
    columns = {column.name: column for column in target.columns}
    pairs = (ColumnMap(source=c, target=columns[c.name]) for c in source.columns if not c.generated)
    return TableMap(number=number, source=source, target=target, columns=tuple(pairs), plain=family == FAMILY)


def execute(target: Database, statements: Collection[Statement]) -> int:
    """Every statement whose object is not there; how many those were. Afterwards each object must be there."""
    run = 0
    with closing(target.open()) as connection:
        for statement in statements:
            if not rows(connection, statement.exists):
                for sql in (*statement.session, statement.sql):
                    rows(connection, sql)
                assert rows(connection, statement.exists), statement.sql
                run += 1
    return run


def planned(table: Table) -> Table:
    """A table as it was read, without what no plan says."""
    return replace(table, rows=0, bytes=0, old_image="key" if table.primary_key else "none")


def adopt_alone(target: Database, table: Table, family: str = FAMILY, name: TableName | None = None) -> Adopted:
    return SchemaBuilder(target).adopt(table, family, name or table.name, {table.name: name or table.name})


def dump(server: Server, name: str) -> set[str]:
    """
    The statements of pg_dump, but for routines, views and triggers. Names of NOT NULL constraints are left out: only
    version 18 knows them.
    """
    programs = bindir()
    assert programs is not None
    login = ["-h", server.host, "-p", str(server.port), "-U", server.user]
    command = [programs / "pg_dump", "--schema-only", "--no-owner", "--no-acl", *login, name]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text = re.sub(r"^CREATE (?:FUNCTION|PROCEDURE).*?AS (\$\w*\$).*?\1;$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^(?:--.*|SET .*|\\.*|SELECT .*)?\n", "", text, flags=re.MULTILINE)
    text = re.sub(r' CONSTRAINT (?:\w+|"(?:[^"]|"")+") NOT NULL', " NOT NULL", text)
    left_out = ("CREATE VIEW", "CREATE MATERIALIZED VIEW", "CREATE TRIGGER", "CREATE AGGREGATE")
    return {each.strip() for each in text.split(";\n") if not each.strip().startswith(left_out)}


_TRAILING = re.compile(r"(?:\n+SET default_\w+ = [^\n]*;|\n+--\n-- PostgreSQL database dump complete.*)+\Z", re.DOTALL)
PHASES = ("tables", "indexes", "unique", "objects", "foreign keys", "triggers", "validate")


class Moved:
    """A whole schema as a run makes it, by the rules of a plan, every phase after the other."""

    def __init__(self, source: Database, target: Database, *rules: dict[str, str], grants: bool = False) -> None:
        tables = list(rules) or [{"include": "*.*"}]
        given = {
            "name": "moved",
            "source": source.ref.model_dump(),
            "target": target.ref.model_dump(),
            "tables": tables,
            "grants": grants,
        }
        plan = parse_plan(given)
        self.database = target
        self.plan, self.resolved = plan, look(plan, connect(plan.source), connect(plan.target))
        blueprint = ledger.Blueprint(
            tables=self.resolved.tables,
            sequences=self.resolved.sequences,
            types=self.resolved.types,
            objects=self.resolved.objects,
        )
        self.statements = sorted(statements(connect(plan.target), blueprint), key=lambda each: PHASES.index(each.phase))

    @property
    def left_out(self) -> dict[tuple[str, str], str]:
        """The reason by kind and name of every object that is not carried."""
        return {(c.source.kind, c.source.name.name): c.reason for c in self.resolved.objects if not c.statements}

    def make(self, *phases: Phase) -> int:
        """How many statements were run. Afterwards the object of each is there."""
        return execute(self.database, [s for s in self.statements if s.phase in (phases or PHASES)])


def whole_dump(server: Server, name: str, release: str | None = None) -> set[str]:
    """
    Every object of pg_dump -s, without the names of NOT NULL constraints: a partition has its root's. release: whose
    pg_dump, None for the newest.
    """
    program = find(release)
    assert program is not None
    login = ["-h", server.host, "-p", str(server.port), "-U", server.user]
    command = [str(program / "pg_dump"), "--schema-only", "--no-owner", "--no-acl", *login, name]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text = re.sub(r"^\\(?:un)?restrict .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r' CONSTRAINT (?:\w+|"(?:[^"]|"")+") NOT NULL', " NOT NULL", text)
    found = (part.partition("\n--\n\n")[2].strip() for part in text.split("\n\n--\n-- ")[1:])
    return {_TRAILING.sub("", each) for each in found if each}

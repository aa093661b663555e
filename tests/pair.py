"""A source and a target loaded from it by the engine itself, without any flow."""

from collections.abc import Callable
from typing import Any

from landbridge import ledger
from landbridge.begin import begin
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.load import Loading, finish_load
from landbridge.plan import Plan, parse_plan
from landbridge.precheck import look
from landbridge.schema import build, mark_done, statements
from validation.compare import Comparison, compare


class Pair:
    """A source and a target that was loaded from it."""

    def __init__(
        self, plan: Plan, schema: str, on_target: Callable[[str], Any], start: Callable[["Pair"], None] = lambda _: None
    ) -> None:
        """start: called before the load, with the run in the ledger."""
        self.plan, self.schema, self.on_target = plan, schema, on_target
        self.source, self.target = connect(plan.source), connect(plan.target)
        resolved = look(plan, self.source, self.target)
        self.run = begin(plan, resolved).run
        blueprint = ledger.Blueprint(tables=resolved.tables, sequences=resolved.sequences, types=resolved.types)
        build(self.target, self.run, statements(self.target, blueprint), ("tables",))
        start(self)
        loading = Loading(self.source, self.target, self.run, workers=2, segment_mb=1)
        for table in resolved.tables:
            loading.load_table(table)
        finish_load(self.target, self.run)
        with self.target.get(Connects).engine().begin() as connection:
            mark_done(connection, self.run, ("tables",), blueprint, whole=True)

    def compare(self) -> Comparison:
        return compare(self.source, self.target, self.run, lambda: None, patience=20, still=True)


def plan(name: str, source: dict[str, Any], target: dict[str, Any], include: str, **more: Any) -> Plan:
    return parse_plan({"name": name, "source": source, "target": target, "tables": [{"include": include}]} | more)


def ref(engine: str, server: Any, database: str) -> dict[str, Any]:
    return {"engine": engine, "host": server.host, "port": server.port, "user": server.user, "database": database}

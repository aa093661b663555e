"""The comparison as pandas frames: what the suites judge, one row a fact, with no value ever null."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pandas as pd

from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Describes, Prepares
from landbridge.model import Catalog, Table, TableMap
from validation.compare import Comparison, RangeResult

MISSING = "missing"
"""Stands where one side has nothing: a null on both sides would pass as equal."""

RANGES = ("range", "table", "proof", "source_rows", "target_rows", "source_proof", "target_proof", "differing")
COLUMNS = ("column", "planned", "found")
FACTS = ("name", "wanted", "found")


def ranges_frame(comparison: Comparison) -> pd.DataFrame:
    return pd.DataFrame([_range_row(result) for result in comparison.ranges], columns=list(RANGES))


def _range_row(result: RangeResult) -> tuple[object, ...]:
    name = str(result.table.source.name)
    proofs = (result.source_proof, result.target_proof)
    rows = (result.source.rows, result.target.rows)
    return (f"{name}/{result.number}", name, result.proof, *rows, *proofs, result.differing)


def schema_frame(target: Endpoint, tables: Sequence[TableMap]) -> pd.DataFrame:
    """Every column of every table as planned, beside what the target's catalog says."""
    catalog = target.get(Describes).describe({table.target.name.schema for table in tables})
    shown = target.get(Prepares).shown
    rows = [row for table in tables for row in _schema_rows(_as_shown(table.target, shown), catalog)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _as_shown(table: Table, shown: Callable[[str], str]) -> Table:
    return replace(table, columns=tuple(replace(column, native=shown(column.native)) for column in table.columns))


def _schema_rows(planned: Table, catalog: Catalog) -> Iterable[tuple[str, str, str]]:
    found = next((table for table in catalog.tables if table.name == planned.name), None)
    there = {} if found is None else _shapes(found)
    wanted = _shapes(planned)
    for column in [*wanted, *(name for name in there if name not in wanted)]:
        yield f"{planned.name}.{column}", wanted.get(column, MISSING), there.get(column, MISSING)
    yield f"{planned.name} primary key", _key(planned), _key(found)


def _shapes(table: Table) -> dict[str, str]:
    return {column.name: f"{column.native}{'' if column.nullable else ' not null'}" for column in table.columns}


def _key(table: Table | None) -> str:
    return MISSING if table is None else ", ".join(table.primary_key.columns) if table.primary_key else "none"


def facts_frame(comparison: Comparison, rejects: int) -> pd.DataFrame:
    """Numbers that must be what they must be; never empty, for an empty frame passes every expectation."""
    rows = [
        ("ranges compared", comparison.expected_ranges, len(comparison.ranges)),
        ("rows the target refused", 0, rejects),
        *(
            (f"rows of {table} that {key} leaves pointing nowhere", 0, n)
            for (table, key), n in comparison.orphans.items()
        ),
    ]
    return pd.DataFrame(rows, columns=list(FACTS))

"""
The suites that decide, in Great Expectations: counts equal, checksums equal, schema as planned, nothing left out. The
only module that imports Great Expectations, which takes seconds: import it only where a verdict is wanted.
"""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import great_expectations as gx
import great_expectations.expectations
import pandas as pd

gxe: Any = great_expectations.expectations  # its names are not exported to type checkers

logging.getLogger("great_expectations").setLevel(logging.WARNING)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """results: a suite's name to what its expectations say, as plain data. docs: the index page of the Data Docs."""

    passed: bool
    results: dict[str, list[dict[str, Any]]]
    docs: Path


def judge(frames: Mapping[str, pd.DataFrame], folder: Path) -> Judged:
    """Run each frame's suite. frames: 'ranges', 'schema' and 'facts' (validation/frames.py)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context: Any = gx.get_context(mode="file", project_root_dir=str(folder))
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_or_update_pandas("comparison")
        results = {name: _run(context, source, name, frame) for name, frame in frames.items()}
        context.build_data_docs()
    docs = folder / "gx" / "uncommitted" / "data_docs" / "local_site" / "index.html"
    passed = all(expectation["passed"] for found in results.values() for expectation in found)
    return Judged(passed=passed, results=results, docs=docs)


def _run(context: Any, source: Any, name: str, frame: pd.DataFrame) -> list[dict[str, Any]]:
    suite = context.suites.add_or_update(gx.ExpectationSuite(name=name, expectations=_expectations(name, len(frame))))
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
    definition = gx.ValidationDefinition(name=name, data=batch, suite=suite)
    checkpoint = context.checkpoints.add_or_update(
        gx.Checkpoint(
            name=name,
            validation_definitions=[context.validation_definitions.add_or_update(definition)],
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [frame.columns[0]]},
        )
    )
    outcome = checkpoint.run(batch_parameters={"dataframe": frame})
    (result,) = outcome.run_results.values()
    return [_plain(expectation, frame.columns[0]) for expectation in result.results]


def _plain(expectation: Any, index: str) -> dict[str, Any]:
    """An expectation that could not be evaluated has failed."""
    found = expectation.result or {}
    raised = expectation.exception_info or {}
    return {
        "expectation": expectation.expectation_config.description or expectation.expectation_config.type,
        "passed": bool(expectation.success),
        "looked_at": found.get("element_count") or found.get("observed_value"),
        "failed": found.get("unexpected_count", 0),
        "where": [str(place[index]) for place in (found.get("unexpected_index_list") or [])[:50]],
        "raised": bool(raised.get("raised_exception", False)),
    }


def _expectations(name: str, rows: int) -> list[Any]:
    whole = gxe.ExpectTableRowCountToEqual(value=rows, description="every fact was looked at")
    some = gxe.ExpectTableRowCountToBeBetween(min_value=1, description="there is something to look at")
    pairs = {
        "ranges": [
            ("source_rows", "target_rows", "row counts are equal in every range"),
            ("source_proof", "target_proof", "checksums are equal in every range"),
        ],
        "schema": [("planned", "found", "every column and key is as planned")],
        "facts": [("wanted", "found", "no range left out, no row refused, no reference pointing nowhere")],
    }[name]
    equal = [gxe.ExpectColumnPairValuesToBeEqual(column_A=a, column_B=b, description=text) for a, b, text in pairs]
    if name == "ranges":
        no_differing = gxe.ExpectColumnValuesToBeInSet(
            column="differing", value_set=[0], description="no row differs by value"
        )
        equal.append(no_differing)
    return [some, whole, *equal]

"""What the tests of the prechecks share."""

from collections.abc import Collection, Iterable
from typing import Any

from landbridge.endpoints.abc import Finding
from landbridge.model import ColumnMap, Table, TableMap
from landbridge.plan import EndpointRef


def maps(tables: Collection[Table]) -> list[TableMap]:
    return [
        TableMap(
            number=number,
            source=table,
            target=table,
            columns=tuple(ColumnMap(source=column, target=column) for column in table.columns),
        )
        for number, table in enumerate(tables)
    ]


def levels(findings: Iterable[Finding]) -> dict[str, str]:
    """The names found, each with its gravest level."""
    found: dict[str, str] = {}
    for finding in findings:
        assert finding.found
        assert finding.wanted
        assert finding.mend
        found[finding.name] = "refuse" if "refuse" in (finding.level, found.get(finding.name)) else "warn"
    return found


def assert_unreachable(checker: Any, ref: EndpointRef, secret: str) -> None:
    for findings in (checker.check_source([], "read-only"), [checker.reach()]):
        (finding,) = list(findings)
        assert (finding.name, finding.level) == ("reach", "refuse")
        for part in (ref.host, str(ref.port), ref.user):
            assert part in finding.found
        assert secret not in finding.found + finding.mend
        assert "\n" not in finding.found
        assert finding.mend

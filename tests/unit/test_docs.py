"""What an operator can meet is in the docs."""

from pathlib import Path

import landbridge.spool
from landbridge.endpoints import engines
from landbridge.errors import MigrationError
from tests import type_mapping

DOCS = Path(__file__).parents[2] / "docs"


def _all(root: type[MigrationError]) -> list[type[MigrationError]]:
    return [root, *(found for child in root.__subclasses__() for found in _all(child))]


def test_every_error_is_documented() -> None:
    assert landbridge.spool  # has errors of its own
    text = (DOCS / "errors.md").read_text()
    ours = [error for error in _all(MigrationError) if error.__module__.startswith("landbridge")]
    assert len(ours) >= 15
    assert [error.__name__ for error in ours if f"`{error.__name__}`" not in text] == []


def test_every_engine_is_documented() -> None:
    text = (DOCS / "engines.md").read_text()
    assert [engine for engine in engines() if f"`{engine}`" not in text] == []


def test_the_documents_that_are_linked_exist() -> None:
    import re

    root = DOCS.parent
    for page in [root / "README.md", *DOCS.glob("*.md")]:
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_the_type_mapping_is_what_the_code_does() -> None:
    assert type_mapping.PLACE.read_text(encoding="utf-8") == type_mapping.page(), "run: python -m tests.type_mapping"


def test_every_trap_has_its_test() -> None:
    import re

    tests = DOCS.parent / "tests"
    named = re.findall(r"`(\S+\.py)::(test_\w+)`", (DOCS / "traps.md").read_text())
    assert len(named) > 30
    assert [each for each in named if f"def {each[1]}(" not in (tests / each[0]).read_text()] == []

"""There and back and there again through the command line, each direction, compared by plain drivers at each stop."""

from typing import Any

import pytest

from tests.directions.commandline import CommandLine
from tests.directions.conftest import MakeStage
from tests.there_and_back import Side, Storm, arranged, there_and_back_and_there_again

_ALL = [
    ("postgres_server", "postgres_target_server"),
    ("mariadb_server", "postgres_target_server"),
    ("mysql_server", "postgres_target_server"),
    ("postgres_server", "mariadb_target_server"),
    ("postgres_server", "mysql_target_server"),
    ("mariadb_server", "mysql_target_server"),
    ("mysql_server", "mariadb_target_server"),
]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("source", "target"), _ALL)
def test_there_and_back_and_there_again(
    source: str, target: str, request: pytest.FixtureRequest, make_stage: MakeStage, landbridge: CommandLine
) -> None:
    stage = arranged(make_stage(request.getfixturevalue(source), target=target))

    def says(*words: str, code: int = 0) -> Any:
        result = landbridge.run(*words, "--json")
        assert result.code == code, result
        return result.data

    there_and_back_and_there_again(stage, says)
    assert says("rollback", str(stage.plan), "--yes")["outcome"] == "rolled back"
    old, new = Side(stage.source), Side(stage.target)
    assert old.everything() == new.everything()
    assert len(old.everything()["customer"]) == 16
    for word, outcome, fro, to in (("migrate", "cutover", old, new), ("rollback", "rolled back", new, old)):
        with Storm(fro, word) as storm:
            assert says(word, str(stage.plan), "--yes")["outcome"] == outcome
            storm.wait_for_refusals()
        assert old.everything() == new.everything()
        arrived = {row[1] for row in to.everything()["customer"]}
        assert storm.confirmed
        assert {f"{each} 3" for each in storm.confirmed} <= arrived, "a confirmed write was lost"

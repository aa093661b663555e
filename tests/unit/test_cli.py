"""The command line without any server: words, exit codes, messages, and that the docs know all of it."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main
import yaml
from pydantic import BaseModel

from flows import __main__ as cli
from landbridge.errors import CheckFailed, Differs, MigrationError, PlanError, Terminal, Transient
from landbridge.plan import Plan

ROOT = Path(__file__).parents[2]
Run = Callable[..., tuple[int, str, str]]

PLAN = {
    "name": "shop",
    "source": {"engine": "postgres", "host": "127.0.0.1", "port": 1, "user": "u", "database": "d"},
    "target": {"engine": "postgres", "host": "127.0.0.1", "port": 1, "user": "u", "database": "d"},
    "tables": [{"include": "public.*"}],
}


@pytest.fixture
def landbridge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in this process: exit code, standard output, standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["landbridge", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def plan_file(folder: Path, **changes: object) -> str:
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(PLAN | changes))
    return str(path)


def test_a_word_that_does_not_exist_is_bad_usage(landbridge: Run) -> None:
    code, out, err = landbridge("fly")
    assert (code, out) == (2, "")
    assert "fly" in err


def test_a_missing_argument_is_bad_usage(landbridge: Run) -> None:
    assert landbridge("status")[0] == 2


def test_an_unknown_stop_is_bad_usage(landbridge: Run, tmp_path: Path) -> None:
    code, _, err = landbridge("migrate", plan_file(tmp_path), "--until", "tomorrow")
    assert code == 2
    assert "caught-up" in err


@pytest.mark.parametrize("word", ["plan", "precheck", "migrate", "status", "validate", "cutover"])
def test_every_word_refuses_a_plan_with_an_unknown_key_before_anything_else(
    landbridge: Run, tmp_path: Path, word: str
) -> None:
    code, out, err = landbridge(word, plan_file(tmp_path, speed="high"))
    assert (code, out) == (2, "")
    assert "speed: unknown key; known here: name, source, target" in err
    assert "Traceback" not in err


def test_a_plan_that_is_not_there(landbridge: Run, tmp_path: Path) -> None:
    code, out, _ = landbridge("status", str(tmp_path / "none.yaml"), "--json")
    assert code == 2
    told = json.loads(out)
    assert told["error"] == "PlanError"
    assert "none.yaml cannot be read" in told["found"]
    assert told["mend"] == "give the path of a YAML file"


def test_a_missing_secret_is_a_fault_of_the_plan(landbridge: Run, tmp_path: Path) -> None:
    target = PLAN["target"] | {"password": "env:NOT_SET_ANYWHERE"}
    code, _, err = landbridge("status", plan_file(tmp_path, target=target))
    assert code == 2
    assert "env:NOT_SET_ANYWHERE is not set" in err


def test_a_server_that_is_not_there_is_a_failure_without_a_traceback(landbridge: Run, tmp_path: Path) -> None:
    code, out, err = landbridge("status", plan_file(tmp_path))
    assert (code, out) == (1, "")
    assert "127.0.0.1:1" in err
    assert "to mend it: " in err
    assert "Traceback" not in err


def test_approve_wants_words(landbridge: Run, tmp_path: Path) -> None:
    assert landbridge("approve", plan_file(tmp_path), "--by", "ada")[0] == 2
    assert landbridge("approve", plan_file(tmp_path), "--by", " ", "--reason", "fine")[0] == 2


@pytest.mark.parametrize(
    ("error", "code"), [(PlanError, 2), (CheckFailed, 3), (Differs, 1), (Transient, 1), (Terminal, 1)]
)
def test_the_error_class_decides_the_exit_code(
    landbridge: Run, monkeypatch: pytest.MonkeyPatch, error: type[MigrationError], code: int
) -> None:
    def fail() -> typer.Typer:
        raise error("it is broken", mend="repair it")

    monkeypatch.setattr(cli, "application", fail)
    found, out, err = landbridge("status", "--json")
    assert found == code
    assert json.loads(out) == {"error": error.__name__, "found": "it is broken", "mend": "repair it"}
    assert "it is broken" in err
    assert "repair it" in err


def test_an_accident_goes_to_a_file_without_what_may_be_row_data(
    landbridge: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = f"ada@example.{'com'}"  # so that no line of this file holds it as the row would

    def fail() -> typer.Typer:
        raise ValueError(f"duplicate key\nDETAIL: Key (email)=({address}) already exists")

    monkeypatch.setenv("LANDBRIDGE_HOME", str(tmp_path))
    monkeypatch.setattr(cli, "application", fail)
    code, out, err = landbridge("status")
    assert (code, out) == (1, "")
    (report,) = (tmp_path / "crashes").iterdir()
    assert str(report) in err
    assert "Traceback" not in err
    text = report.read_text()
    assert "ValueError: duplicate key" in text
    assert "in fail" in text
    assert address not in text


def test_help_and_plan_load_neither_prefect_nor_great_expectations() -> None:
    code = """if True:
        import sys
        from flows.__main__ import application
        from flows.commands import status
        application()
        sys.exit(sorted({"prefect", "great_expectations", "pandas"} & set(sys.modules)) or 0)
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_word_and_option_is_in_the_docs() -> None:
    told = (ROOT / "docs" / "cli.md").read_text()
    sections = dict(re.findall(r"^## landbridge (\w+)\n(.*?)(?=^## |\Z)", told, re.MULTILINE | re.DOTALL))
    command = typer.main.get_command(cli.application())
    words = {name: command.commands[name] for name in command.commands}  # type: ignore[attr-defined]
    assert set(sections) == set(words)
    for name, word in words.items():
        inner = getattr(word, "commands", {})
        assert all(f"landbridge {name} {part}" in sections[name] for part in inner), name
        for each in (word, *inner.values()):
            options = {option for given in each.params for option in given.opts if option.startswith("--")} - {"--help"}
            missing = {option for option in options if f"`{option}" not in sections[name]}
            assert not missing, f"docs/cli.md, landbridge {name}: {sorted(missing)}"


def test_every_key_of_the_plan_is_in_the_docs() -> None:
    told = (ROOT / "docs" / "plan.md").read_text()
    sections = dict(re.findall(r"^##? ([\w ]+)\n(.*?)(?=^## |\Z)", told, re.MULTILINE | re.DOTALL))
    models: dict[str, type[BaseModel]] = {"The plan": Plan}
    for key, field in Plan.model_fields.items():
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if is_model(part):
                models[key] = part
    assert {"source", "target", "tables", "load", "capture", "validation", "cutover"} <= set(models)
    for key, model in models.items():
        section = next(text for title, text in sections.items() if key in title.split(" and ") or title == key)
        missing = [name for name in model.model_fields if f"| `{name}` |" not in section]
        assert not missing, f"docs/plan.md, {key}: {missing}"


def is_model(part: object) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


def test_every_exit_code_is_in_the_docs() -> None:
    told = (ROOT / "docs" / "cli.md").read_text()
    for code in (0, 1, 2, 3, 4):
        assert f"\n| {code} | " in told

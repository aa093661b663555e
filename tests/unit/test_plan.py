"""The plan refuses what it does not know, and names every fault at once."""

import json
from pathlib import Path

import pytest

from landbridge.errors import PlanError
from landbridge.plan import EndpointRef, parse_plan, read_plan, read_secret, seconds

GOOD = {
    "name": "shop",
    "source": {"engine": "mysql", "host": "old", "user": "m", "password": "env:SOURCE_PASSWORD"},
    "target": {"engine": "postgres", "host": "127.0.0.1", "user": "m"},
    "tables": [{"include": "shop.*"}],
}


def test_unknown_keys_are_refused_and_the_known_ones_listed() -> None:
    faulty = GOOD | {"colour": "red", "source": GOOD["source"] | {"passwd": "x"}}
    with pytest.raises(PlanError) as refused:
        parse_plan(faulty)
    assert "2 fault(s)" in refused.value.found
    assert "colour: unknown key; known here: name, source, target" in refused.value.found
    assert "source.passwd: unknown key; known here: engine, host, port, user, password" in refused.value.found


def test_a_password_itself_is_refused_and_not_repeated() -> None:
    with pytest.raises(PlanError) as refused:
        parse_plan(GOOD | {"source": GOOD["source"] | {"password": "hunter2"}})
    assert "by reference" in refused.value.found
    assert "hunter2" not in str(refused.value)


def test_missing_keys_are_named() -> None:
    with pytest.raises(PlanError, match=r"target: Field required"):
        parse_plan({key: value for key, value in GOOD.items() if key != "target"})


@pytest.mark.parametrize(
    ("reference", "what"), [("env:LANDBRIDGE_NOT_SET", "is not set"), ("file:/no/such", "cannot be read")]
)
def test_a_missing_secret_is_an_error(reference: str, what: str) -> None:
    with pytest.raises(PlanError, match=what):
        read_secret(reference)


def test_an_empty_secret_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(PlanError, match="is empty"):
        read_secret(f"file:{tmp_path / 'secret'}")
    monkeypatch.setenv("LANDBRIDGE_EMPTY", "")
    with pytest.raises(PlanError, match="is not set"):
        read_secret("env:LANDBRIDGE_EMPTY")


def test_secrets_are_read_and_only_the_last_line_break_goes(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" p@ss:w/rd# \n")
    assert read_secret(f"file:{tmp_path / 'secret'}") == " p@ss:w/rd# "


def test_tls_is_verified_but_on_loopback() -> None:
    plan = parse_plan(GOOD)
    assert plan.source.effective_tls == "verify-full"
    assert plan.target.effective_tls == "disable"
    assert EndpointRef(engine="x", host="127.9.9.9", user="u").effective_tls == "disable"


def test_the_hash_covers_what_decides_and_not_the_speeds() -> None:
    plan = parse_plan(GOOD)
    assert plan.hash == parse_plan(GOOD | {"load": {"workers": 2}}).hash
    assert plan.hash != parse_plan(GOOD | {"tables": [{"include": "shop.orders"}]}).hash


def test_partitions_are_kept_flattened_or_written() -> None:
    with pytest.raises(PlanError, match=r"tables.0.partitions: 'yes' is no partitioning"):
        parse_plan(GOOD | {"tables": [{"include": "shop.*", "partitions": "yes"}]})
    text = "HASH (id) PARTITIONS 4"
    assert parse_plan(GOOD | {"tables": [{"include": "shop.*", "partitions": text}]}).tables[0].partitions == text


def test_a_plan_goes_through_json_unchanged() -> None:
    plan = parse_plan(GOOD)
    assert parse_plan(json.loads(plan.model_dump_json())) == plan


@pytest.mark.parametrize(("text", "wanted"), [("60s", 60.0), ("1.5m", 90.0), ("2h", 7200.0)])
def test_durations(text: str, wanted: float) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["60", "1d", "-5s", "s", ""])
def test_wrong_durations_are_refused(text: str) -> None:
    with pytest.raises(PlanError, match="is not a duration"):
        parse_plan(GOOD | {"cutover": {"timeout": text}})


@pytest.mark.parametrize("text", ["name: [", "just a word", ""])
def test_a_file_that_is_no_plan_is_refused_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(PlanError):
        read_plan(path)


def test_a_missing_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be read"):
        read_plan(tmp_path / "none.yaml")

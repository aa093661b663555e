"""`landbridge assess` as people and programs use it: exit codes, the document, the page, an estate."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import yaml

from landbridge.assessment.checklist import checklist
from tests.flows.conftest import Run, Shop

ROOT = Path(__file__).parents[2]


def plan_without(shop: Shop, key: str, **changes: Any) -> Path:
    data = {name: value for name, value in yaml.safe_load(shop.file.read_text()).items() if name != key} | changes
    file = shop.file.with_name(f"{data['name']}-without-{key}.yaml")
    file.write_text(yaml.safe_dump(data))
    return file


def test_a_plan_is_assessed_and_the_page_needs_no_network(landbridge: Run, shop: Shop, tmp_path: Path) -> None:
    shop.sql("source", "create view spenders as select customer, sum(total) from orders group by customer")
    report = tmp_path / "report.html"
    before = shop.sql("target", "select nspname from pg_namespace order by 1")
    code, out, err = (
        (said := landbridge("assess", str(shop.file), "--report", str(report), "--json")).code,
        said.out,
        said.err,
    )
    assert (code, "Traceback" in err) == (0, False), err
    document = json.loads(out)
    (database,) = document["databases"]
    assert document["report"] == str(report)
    assert {table["name"]: table["rows"] for table in database["tables"]} == {
        "public.customers": 500,
        "public.orders": 3000,
    }
    assert [wave["tables"] for wave in database["waves"]] == [["public.customers", "public.orders"]]
    assert {work["kind"] for work in database["work"]} >= {"table", "view", "foreign key", "sequence"}
    assert database["hours"] == 0
    names = {made["check"] for made in database["checks"]}
    assert {"wal-level", "target-exists", "foreign-key-without-index"} <= names
    assert any("postgres-check-wallevel" in made["dms"] for made in database["checks"])
    assert {finding["check"] for finding in database["findings"]} >= {"foreign-key-without-index"}
    assert shop.sql("target", "select nspname from pg_namespace order by 1") == before

    page = report.read_text()
    assert not re.search(r"""(src|href)=["'](?!#)|@import|url\(""", page)
    assert "public.orders" in page
    assert "name 17" not in page
    assert json.loads(Path(document["data"]).read_text())["summary"] == document["summary"]


def test_an_obstacle_ends_with_3_and_is_named_with_what_mends_it(landbridge: Run, shop: Shop) -> None:
    shop.sql("target", "create table orders (id int); insert into orders values (1)")
    said = landbridge("assess", str(shop.file))
    assert said.code == 3
    assert "target-not-empty" in said.out
    assert "DROP TABLE" in said.out


def test_a_source_alone_needs_neither_a_target_nor_its_password(landbridge: Run, shop: Shop) -> None:
    said = landbridge("assess", str(plan_without(shop, "target")), "--json")
    assert said.code == 0, said.err
    (database,) = said.data["databases"]
    assert database["source_only"]
    assert {"target-exists", "target-not-empty"} <= {
        made["check"] for made in database["checks"] if made["outcome"] == "not looked at"
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        far = shop.plan.target.model_dump() | {"port": free.getsockname()[1], "password": "env:NOBODY_SET_THIS"}
        shop.write(target=far)
        assert landbridge("assess", str(shop.file)).code == 2
        said = landbridge("assess", str(shop.file), "--source-only")
    assert (said.code, "stand" in said.err) == (0, False), said.err


def test_several_plans_make_one_inventory_and_one_that_fails_hides_no_other(
    landbridge: Run, shop: Shop, tmp_path: Path
) -> None:
    other = plan_without(shop, "nothing", name="other", tables=[{"include": "nowhere.*"}])
    said = landbridge("assess", str(shop.file), str(other), "--json", "--report", str(tmp_path / "estate.html"))
    assert said.code == 3
    found = {database["plan"]: database for database in said.data["databases"]}
    assert set(found) == {shop.plan.name, "other"}
    assert [finding["check"] for finding in found["other"]["findings"]] == ["unchecked"]
    assert said.data["totals"]["tables"] == 2
    assert said.data["totals"]["databases"] == 2
    assert "Estate of 2 databases" in (tmp_path / "estate.html").read_text()
    assert landbridge("assess", str(shop.file), str(shop.file)).code == 2


def test_the_checklist_and_its_documentation_are_one() -> None:
    text = (ROOT / "docs/checks.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([a-z-]+)` \| ([^|]*) \|", text, re.MULTILINE)
    listed = {check.name: check for check in checklist()}
    assert len(listed) == len(checklist())
    assert {name for name, _ in documented} == set(listed)
    for name, where in documented:
        assert listed[name].sides == tuple(side for side in ("S", "T") if re.search(rf"\b{side}\b", where)), name

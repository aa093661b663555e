"""
A migration as a person sees it: started from the deployment's form in a browser, its graph and artifacts looked at, approved in
the dialog. With LANDBRIDGE_PICTURES=FOLDER the pictures of docs/prefect.md are made there.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.commands.prefect_server import Server
from tests.conftest import ROOT, missing
from tests.flows.conftest import Shop

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

WAIT = 180_000
_SCREEN = {"width": 1280, "height": 900}
Picture = Callable[[str], None]


def sync_api() -> Any:
    return pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[browser]'")


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """A page of the system's own browser, without a screen."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        missing("chromium")
    api = sync_api()
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        made = browser.new_page(viewport=_SCREEN)
        made.set_default_timeout(WAIT)
        yield made
        browser.close()


@pytest.fixture
def picture(page: Any) -> Picture:
    folder = os.environ.get("LANDBRIDGE_PICTURES")

    def take(name: str) -> None:
        if folder:
            page.wait_for_timeout(1500)  # what moves comes to rest
            page.screenshot(path=Path(folder) / f"{name}.png")

    return take


@pytest.fixture
def worker(prefect: Server, tmp_path: Path, landbridge_home: Path) -> Iterator[None]:
    """The deployments, and a worker for them, both in a folder that has nothing to do with this project."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PREFECT_API_URL": prefect.api, "PREFECT_HOME": str(landbridge_home / "prefect-client")}
    environment |= {"PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "1"}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "prefect", "--no-prompt"]
    given: dict[str, Any] = {"cwd": tmp_path, "env": environment, "stdout": subprocess.DEVNULL}
    deployments = str(ROOT / "deployments/prefect.yaml")
    pool = ["work-pool", "create", "landbridge", "--type", "process", "--overwrite", "--base-job-template"]
    subprocess.run([*command, *pool, str(ROOT / "deployments/process-job.json")], check=True, **given)
    subprocess.run([*command, "deploy", "--prefect-file", deployments, "--all"], check=True, **given)
    log = tmp_path / "worker.log"
    with log.open("w") as out:
        start = [*command, "worker", "start", "--pool", "landbridge"]
        process = subprocess.Popen(start, **given | {"stdout": out, "stderr": out})
        yield
        process.terminate()
        process.wait(30)
    print(log.read_text()[-3000:])  # shown where the test fails


def part(scope: Any, label: str) -> Any:
    """The part of a form under this label."""
    found = f'.schema-form-property__label:text-matches("^{label}( \\\\(Optional\\\\))?$")'
    return scope.locator(f".schema-form-property:has(> .p-label__header {found})").first


def fill(scope: Any, label: str, value: object, kind: str | None = None) -> None:
    at = part(scope, label)
    if kind is not None:  # where nothing may be given, the form asks first what is
        at.get_by_text(kind, exact=True).click()
    at.locator("textarea, input:not([type=radio])").first.fill(str(value))


def fill_plan(page: Any, shop: Shop) -> None:
    fill(page, "Name", shop.plan.name)
    for side in ("source", "target"):
        at, ref = part(page, side.capitalize()), getattr(shop.plan, side)
        for word in ("engine", "host", "user"):
            fill(at, word.capitalize(), getattr(ref, word))
        fill(at, "Port", ref.port, "int")
        fill(at, "Database", ref.database, "str")
    tables = part(page, "Tables")
    tables.get_by_text("Add item").click()
    fill(tables, "Include", "public.*", "str")


def labels(page: Any) -> list[str]:
    texts = page.locator(".schema-form-property__label").all_inner_texts()
    return [text.removesuffix(" (Optional)") for text in texts]


def start(page: Any, ui: str, shop: Shop, picture: Picture) -> None:
    page.goto(f"{ui}/deployments")
    page.get_by_role("link", name="migrate", exact=True).first.click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    page.get_by_text("stop after this").wait_for()
    assert labels(page)[:6] == ["plan", "Name", "Source", "Engine", "Host", "Port"]
    fill_plan(page, shop)
    page.get_by_text("Run Name").scroll_into_view_if_needed()
    picture("form")
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("button", name="Submit").wait_for(state="detached")
    run = page.get_by_role("link", name=f"migrate {shop.plan.name}", exact=True).first
    for _ in range(12):  # a page looks for news every half minute
        page.goto(f"{ui}/runs")
        with contextlib.suppress(sync_api().TimeoutError):
            run.wait_for(timeout=5_000)
            break
    run.click()


def approve(page: Any, picture: Picture) -> str:
    """What the dialog said; on a small screen, too, the question and what is asked for are there at once."""
    page.set_viewport_size({"width": 1024, "height": 700})
    page.get_by_role("button", name="Resume").click()
    seen = sync_api().expect
    for said in ("rows compared: equal", "not verified", "Decision"):
        seen(page.get_by_role("dialog").get_by_text(said).first).to_be_in_viewport()
    decision = part(page, "Decision").locator(".p-select-button__control")
    for key in ("ArrowDown", "ArrowUp", "Enter"):  # it opens by the keyboard, with the old choice under the cursor
        decision.press(key)
    assert decision.inner_text() == "approve"
    fill(page, "Approved By", "Ada Lovelace")
    fill(page, "Reason", "every row is equal")
    text: str = page.locator("body").inner_text()
    picture("gate")
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("button", name="Submit").wait_for(state="detached")
    page.set_viewport_size(_SCREEN)
    return text


def test_a_migration_is_started_seen_and_approved_in_the_browser(
    prefect: Server, worker: None, shop: Shop, page: Any, picture: Picture
) -> None:
    shop.write(name="shop")
    start(page, prefect.ui, shop, picture)
    page.get_by_role("button", name="Resume").wait_for()
    picture("graph")
    assert page.locator("canvas").count() > 0
    page.get_by_text("Subflow Runs", exact=True).click()
    for phase in ("precheck", "prepare", "capture", "load", "catch up", "build indexes", "verify"):
        page.get_by_role("link", name=f"{phase} {shop.plan.name}", exact=True).wait_for()
    page.get_by_text("Artifacts", exact=True).click()
    for artifact in ("evidence", "validation", "load"):
        page.get_by_text(f"{artifact}-{shop.plan.name}", exact=True).first.wait_for()
    picture("artifacts")

    said = approve(page, picture)
    assert f"Switch {shop.plan.name} over?" in said
    assert "3,500 rows compared: equal" in said
    assert "(name not verified)" in said
    page.get_by_text("Completed", exact=True).first.wait_for()
    picture("done")
    assert shop.sql("target", "select state, approved_by, reason from landbridge.approvals") == [
        ("approved", "Ada Lovelace", "every row is equal")
    ]
    everything = "select count(*), sum(total) from orders"
    assert shop.sql("target", everything) == shop.sql("source", everything)

    page.get_by_text(f"load-{shop.plan.name}", exact=True).first.click()
    page.get_by_text("orders").first.wait_for()

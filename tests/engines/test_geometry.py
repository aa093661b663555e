"""Geometries of all kinds with their reference systems, to and from a PostGIS of Debian's, by load, log and checksum."""

from collections.abc import Callable
from typing import Any

import pytest

from landbridge.errors import RowRejected
from tests.engines.sweep import Sweep
from tests.engines.test_kinds_sweep import pair  # noqa: F401

POSTGIS = "create extension postgis schema public"
GATE, POLE = (13.3777, 52.5163, 4326), (180.0, 90.0, 4326)
SHAPES = ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"]
COLUMNS = ["any_kind", "pt", "ls", "pg", "mpt", "mls", "mpg", "gc"]
FIRST = [
    "MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,9 5,9 9,5 5),(6 5.5,7 5.5,7 6,6 5.5)))", "POINT(-0.5 7)",
    "LINESTRING(0 0,1 1,-1e-300 2)", "POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 1))", "MULTIPOINT(0 0,1 1)",
    "MULTILINESTRING((0 0,1 1),(2 2,3 3,4 4))", "MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,9 5,9 9,5 5),(6 5.5,7 5.5,7 6,6 5.5)))",
    "GEOMETRYCOLLECTION(POINT(9 9))",
]  # fmt: skip
"""What the row 1 of `plane` has in the end, everywhere."""


@pytest.mark.parametrize("source", ["mysql", "mariadb"])
def test_to_postgis(pair: Callable[..., Sweep], source: str) -> None:  # noqa: F811
    sweep = pair({"mysql": "mysql_server", "mariadb": "mariadb11_server"}[source], "postgis_server", POSTGIS)
    sweep.carry("geometry.mysql.sql", f"geometry.{source}.only.sql")
    sweep.verify()
    assert {name: len(found) for name, found in sweep.losses.items()} == {"plane": 0, "globe": 0}
    assert len(sweep.tables) == 2
    fixed = ",4326" if source == "mysql" else ""  # MariaDB only notes what a column's values should have
    assert _told(sweep, _types("globe")) == [
        (f"geometry(Point{fixed})",),
        (f"geometry(LineString{fixed})",),
        ("geometry",),
    ]
    assert _told(sweep, _types("plane")) == [("geometry",), *((f"geometry({shape})",) for shape in SHAPES)]
    columns = ", ".join(f"st_asewkt({column})" for column in COLUMNS)
    assert _told(sweep, f"select {columns} from plane where id = 1") == [tuple(FIRST)]
    assert _told(sweep, "select st_asewkt(gc), st_asewkt(any_kind), st_asewkt(mpt) from plane where id = 2") == [
        ("SRID=3857;GEOMETRYCOLLECTION(POINT(1 1),POLYGON((0 0,4 0,4 4,0 0)))", "SRID=3857;POLYGON((0 0,4 0,4 4,0 0))",
         "SRID=3857;MULTIPOINT(7 8)"),
    ]  # fmt: skip
    places = _told(sweep, "select st_x(place), st_y(place), st_srid(place) from globe order by id")
    assert places == [POLE, (-180, -90, 4326), GATE]
    assert _told(sweep, "select st_asewkt(any_kind) from globe where id = 1") == [
        ("SRID=4326;LINESTRING(13.25 52.5,14.25 53.5)",)
    ]


@pytest.mark.parametrize("target", ["mysql_server", "mariadb11_server"])
def test_from_postgis(pair: Callable[..., Sweep], target: str) -> None:  # noqa: F811
    sweep = pair("postgis_server", target)
    sweep.run(POSTGIS)
    sweep.carry("geometry.postgis.sql", "kinds.postgres.xml.sql")
    sweep.verify()
    tables = [each.source.name.name for each in sweep.tables]
    assert tables == ["globe", "papers", "plane"]
    assert sweep.ask("select x from papers where id = 4") == [("<é>\t\n&#9;\\</é>",)]
    assert {loss.column for loss in sweep.losses["globe"] if "is 4326 is no rule" in loss.what} == {
        "place",
        "way",
        "earth",
    }
    found = sweep.ask(f"select {', '.join(f'st_astext({column})' for column in COLUMNS)} from plane where id = 1")
    told = [text.replace("((0 0),(1 1))", "(0 0,1 1)") for text in found[0]]
    assert told == FIRST
    x, y = ("st_longitude", "st_latitude") if target == "mysql_server" else ("st_x", "st_y")
    for column in ("place", "earth"):
        places = sweep.ask(
            f"select {x}({column}), {y}({column}), st_srid({column}) from globe where id = 3 or id = 1 order by id"
        )
        assert places == ([POLE, GATE] if column == "place" else [GATE, POLE])
    assert sweep.ask("select st_srid(any_kind) from plane where id = 2") == [(4326,)]


@pytest.mark.parametrize("target", ["mysql_server", "mariadb11_server"])
def test_what_has_no_form_is_refused(pair: Callable[..., Sweep], target: str) -> None:  # noqa: F811
    sweep = pair("postgis_server", target)
    sweep.run(f"{POSTGIS}; create table odd (id int primary key, g geometry, solid geometry(PointZ,4326))")
    sweep.run("insert into odd values (1, null, 'SRID=4326;POINT Z (1 2 3)')")
    sweep.plan()
    sweep.load(sweep.tables[0])
    assert sweep.ask("select solid from odd") == [
        ("01010000A0E6100000000000000000F03F00000000000000400000000000000840",)
    ]
    assert [loss.column for loss in sweep.losses["odd"] if "the texts of its values are kept" in loss.what] == ["solid"]
    assert any("with Z or M" in loss.what for loss in sweep.losses["odd"] if loss.column == "g")
    for value in ("POINT Z (1 2 3)", "SRID=4326;POINT M (1 2 3)", "CIRCULARSTRING(0 0,1 1,2 0)"):
        sweep.run(f"delete from odd; insert into odd values (2, '{value}', null)")
        with pytest.raises(RowRejected, match="1416"):
            sweep.load(sweep.tables[0])


def _told(sweep: Sweep, sql: str) -> list[tuple[Any, ...]]:
    """The functions of the extension are in a schema that the session of ours has not in its path."""
    return sweep.ask(f"set search_path to public; {sql}")


def _types(table: str) -> str:
    return (
        "select replace(format_type(atttypid, atttypmod), 'public.', '') from pg_attribute where attrelid = "
        f"'public.{table}'::regclass and attnum > 1 order by attnum"
    )

"""
docs/type-mapping.md, made from the code: `python -m tests.type_mapping` writes it, a test compares it. Every type of the
servers' manuals is listed; what the code says of it is not written by hand.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from landbridge.endpoints.mysql import kinds as mysql
from landbridge.endpoints.postgres import kinds as postgres
from landbridge.kinds import Array, Composite, Decimal, Hstore, Int, Kind, Rendered, Text

PLACE = Path(__file__).parents[1] / "docs/type-mapping.md"

MYSQL = (
    "tinyint(4)", "tinyint(1)", "tinyint(3) unsigned", "smallint", "smallint unsigned", "mediumint", "mediumint unsigned",
    "int", "int unsigned", "bigint", "bigint unsigned", "decimal(10,2)", "decimal(65,30)", "float", "double", "bit(1)",
    "bit(64)", "date", "datetime", "datetime(6)", "timestamp", "timestamp(6)", "time", "time(6)", "year", "char(10)",
    "varchar(255)", "tinytext", "text", "mediumtext", "longtext", "binary(16)", "varbinary(255)", "tinyblob", "blob",
    "mediumblob", "longblob", "json", "enum('a','b')", "set('a','b')", "geometry", "point", "linestring", "polygon",
    "multipoint", "multilinestring", "multipolygon", "geometrycollection", "vector(3)", "uuid", "inet4", "inet6",
)  # fmt: skip
POSTGRES = (
    "smallint", "integer", "bigint", "oid", "numeric", "numeric(10,2)", "numeric(70,2)", "real", "double precision",
    "money", "boolean", "date", "timestamp without time zone", "timestamp(3) without time zone",
    "timestamp with time zone", "time without time zone", "time with time zone", "interval", "text",
    "character varying", "character varying(255)", "character(10)", "name", "citext", "bytea", "json", "jsonb", "xml",
    "uuid", "bit(8)", "bit varying(8)", "bit varying", "inet", "cidr", "macaddr", "macaddr8", "point", "line", "lseg",
    "box", "path", "polygon", "circle", "tsvector", "tsquery", "int4range", "int4multirange", "numrange", "tsrange",
    "tstzrange", "daterange", "pg_lsn", "jsonpath", "ltree", "vector(3)", "geometry(Point,4326)",
)  # fmt: skip
NAMED: dict[str, Kind] = {
    "integer[]": Array(element=Int(bits=32), native="integer[]"),
    "text[]": Array(element=Text(), native="text[]"),
    "numeric[]": Array(element=Decimal(), native="numeric[]"),
    "a composite type": Composite(fields=(("x", Int(bits=32)),), native="pair"),
    "hstore": Hstore(),
}

_HEAD = """# Type mapping

Made by `python -m tests.type_mapping` from the code that does the mapping; a test fails when this page is not what the code says.

Each engine's type has a neutral kind, and each kind a type in the other family: docs/canonical-text.md has the text in which
its values travel. Within a family types stay as they are. What would be lost is told by `landbridge plan`, column by column,
before anything moves; **stops** means that the plan must choose first.
"""


def page() -> str:
    mariadb = lambda kind: mysql.render(kind, mariadb=True)  # noqa: E731
    return "\n".join(
        [
            _HEAD,
            "## MySQL and MariaDB to PostgreSQL",
            "",
            "`tinyint(1)` is a boolean when all its values are 0 and 1, else a number. `time` is an interval when it has values",
            "outside of 0 to 24 hours. `vector`, `uuid`, `inet4` and `inet6` are MariaDB's, `vector` is MySQL 9's, too.",
            "",
            *_table(((native, mysql.kind_of(native)) for native in MYSQL), {"PostgreSQL": postgres.render}),
            "",
            "## PostgreSQL to MySQL and MariaDB",
            "",
            "Enums become enums of the same labels, domains what they rest on.",
            "",
            *_table(
                ((native, postgres.kind_of(native)) for native in POSTGRES), {"MySQL": mysql.render, "MariaDB": mariadb}
            ),
            *_rows(NAMED.items(), [mysql.render, mariadb]),
            "",
        ]
    )


def _table(types: Iterable[tuple[str, Kind]], targets: dict[str, Callable[[Kind], Rendered]]) -> Iterator[str]:
    yield f"| type | kind | {' | '.join(targets)} | what is lost |"
    yield "|---" * (len(targets) + 3) + "|"
    yield from _rows(types, list(targets.values()))


def _rows(types: Iterable[tuple[str, Kind]], targets: list[Callable[[Kind], Rendered]]) -> Iterator[str]:
    for native, kind in types:
        made = [target(kind) for target in targets]
        losses = dict.fromkeys(
            f"{'**stops**: ' if loss.blocking else ''}{loss.what}" for _, lost in made for loss in lost
        )
        cells = [f"`{native}`", kind.tag, *(f"`{rendered}`" for rendered, _ in made), "; ".join(losses)]
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


if __name__ == "__main__":
    PLACE.write_text(page(), encoding="utf-8")

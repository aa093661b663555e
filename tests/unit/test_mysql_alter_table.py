"""What an ALTER TABLE of the log makes of a recorded table, without a server; tests/engines/test_ddl.py has real ones."""

import pytest

from landbridge.endpoints.mysql.kinds import kind_of
from landbridge.endpoints.mysql.log.alter_table import Altered, altered
from landbridge.endpoints.mysql.log.declared import Unread
from landbridge.endpoints.mysql.log.statements import Statements
from landbridge.model import Column, Index, IndexPart, Key, Table, TableName
from landbridge.obstacles import wider

NAME = TableName(schema="shop", name="t")
DEFINITION = (
    "`id` int NOT NULL", "`note` varchar(10)", "`size` int", "PRIMARY KEY (`id`)", "KEY `by_both` (`note`,`size`)",
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci",
)  # fmt: skip
TABLE = Table(
    name=NAME,
    columns=(
        Column(name="id", kind=kind_of("int"), native="int", nullable=False),
        Column(name="note", kind=kind_of("varchar(10)"), native="varchar(10)", collation="utf8mb4_general_ci"),
        Column(name="size", kind=kind_of("int"), native="int"),
    ),
    primary_key=Key(name="PRIMARY", columns=("id",)),
    indexes=(
        Index(
            name="by_both",
            parts=(IndexPart(column="note", native="`note`"), IndexPart(column="size", native="`size`")),
        ),
    ),
    definition=DEFINITION,
)


def made(text: str, now: Table | None = None) -> Altered:
    meaning = Statements([NAME], folded=False).judge(text, "shop")
    assert meaning.alters == (NAME,)
    return altered(TABLE, meaning.parts, text, now)


@pytest.mark.parametrize(
    ("parts", "columns"),
    [
        ("ADD a int", ["id int", "note varchar(10)", "size int", "a int"]),
        ("ADD COLUMN IF NOT EXISTS note int", ["id int", "note varchar(10)", "size int"]),
        ("ADD a int FIRST, ADD b NUMERIC(7) AFTER a", ["a int", "b decimal(7,0)", "id int", "note varchar(10)", "size int"]),
        ("ADD (a boolean, `b,` char), COMMENT='x, y'", ["id int", "note varchar(10)", "size int", "a tinyint(1)", "b, char(1)"]),
        ("MODIFY size BIGINT UNSIGNED AFTER id", ["id int", "size bigint unsigned", "note varchar(10)"]),
        ("CHANGE COLUMN Note remark varchar( 20 ) null", ["id int", "remark varchar(20)", "size int"]),
        ("RENAME COLUMN size TO `extent`", ["id int", "note varchar(10)", "extent int"]),
        ("DROP size, DROP COLUMN note", ["id int"]),
    ],
)  # fmt: skip
def test_columns_and_their_order(parts: str, columns: list[str]) -> None:
    table = made(f"ALTER TABLE t {parts}").table
    assert [f"{column.name} {column.native}" for column in table.columns] == columns
    assert [element.split("`")[1] for element in table.definition if element.startswith("`")] == [
        column.name for column in table.columns
    ]


@pytest.mark.parametrize(
    ("said", "literal", "nullable"),
    [
        ("int", None, True),
        ("int NOT NULL DEFAULT -3 COMMENT 'it''s'", "-3", False),
        ("decimal(5,2) DEFAULT 1.50 NULL", "1.50", True),
        ("varchar(9) COLLATE utf8mb4_bin DEFAULT 'a\\'b, c' AFTER id", "a'b, c", True),
        ("text DEFAULT NULL", None, True),
    ],
)
def test_what_a_new_column_is(said: str, literal: str | None, nullable: bool) -> None:
    column = made(f"ALTER TABLE t ADD COLUMN a {said}").table.column("a")
    assert (column.default.literal if column.default else None, column.nullable) == (literal, nullable)
    wanted = "utf8mb4_bin" if "COLLATE" in said else "utf8mb4_general_ci" if "text" in said else None
    assert column.collation == wanted


def test_a_default_by_itself() -> None:
    found = made("ALTER TABLE t ALTER COLUMN size SET DEFAULT -7, ALTER note SET DEFAULT 'x'").table
    assert [column.default and column.default.literal for column in found.columns] == [None, "x", "-7"]
    assert found.definition[2] == "`size` int NULL DEFAULT -7"
    with pytest.raises(Unread):
        made("ALTER TABLE t ALTER size SET DEFAULT (1 + 1)")


def test_indexes_by_their_columns() -> None:
    found = made("CREATE UNIQUE INDEX `u i` ON t (size DESC, note(3))").table.indexes
    assert [(index.name, index.unique) for index in found] == [("by_both", False), ("u i", True)]
    assert [part.native for part in found[1].parts] == ["`size` DESC", "`note`(3)"]
    assert [i.name for i in made("ALTER TABLE t ADD INDEX (size), ADD KEY (size)").table.indexes] == [
        "by_both", "size", "size_2"
    ]  # fmt: skip
    assert made("DROP INDEX by_both ON t").table.indexes == ()
    renamed = made("ALTER TABLE t RENAME COLUMN note TO remark").table
    assert [part.native for part in renamed.indexes[0].parts] == ["`remark`", "`size`"]
    assert renamed.definition[4] == "KEY `by_both` (`remark`,`size`)"


@pytest.mark.parametrize(
    "parts",
    [
        "DROP COLUMN size",  # from an index of two
        "RENAME INDEX by_both TO other",
        "DROP CONSTRAINT c",
        "ADD INDEX ((size + 1))",
        "PARTITION BY HASH (id)",
        "ENGINE=MyISAM",
        "CONVERT TO CHARACTER SET latin1",
        "DROP PARTITION p",
    ],
)
def test_what_waits_for_a_person(parts: str) -> None:
    assert made(f"ALTER TABLE t {parts}").obstacle


@pytest.mark.parametrize(
    "parts",
    ["ADD a enum('x', 'y')", "ADD a timestamp", "ADD a int AS (size + 1)", "MODIFY note varchar(10) CHARSET latin1"],
)
def test_what_only_the_catalog_can_tell(parts: str) -> None:
    with pytest.raises(Unread):
        made(f"ALTER TABLE t {parts}")


def test_the_catalog_is_not_believed_where_it_is_further() -> None:
    """a got its default later: the rows that were there have none."""
    later = Column(name="a", kind=kind_of("enum('x')"), native="enum('x')", default=made(
        "ALTER TABLE t ADD b int DEFAULT 1").table.column("b").default)  # fmt: skip
    with pytest.raises(Unread, match="altered again"):
        made("ALTER TABLE t ADD a enum('x')", Table(name=NAME, columns=(*TABLE.columns, later)))


@pytest.mark.parametrize(
    ("old", "new", "fits"),
    [
        ("int", "bigint", True),
        ("bigint", "int", False),
        ("int", "bigint unsigned", False),
        ("varchar(10)", "varchar(11)", True),
        ("varchar(10)", "text", True),
        ("text", "varchar(10)", False),
        ("char(3)", "char(4)", False),
        ("decimal(5,2)", "decimal(7,2)", True),
        ("decimal(5,2)", "decimal(7,3)", False),
        ("varbinary(3)", "blob", True),
        ("date", "datetime", False),
        ("varchar(10)", "blob", False),
    ],
)
def test_which_types_are_wider(old: str, new: str, fits: bool) -> None:
    assert wider(kind_of(old), kind_of(new)) == fits

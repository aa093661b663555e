"""Texts of one family in the other's words, without a server: what is kept, what is refused, and why."""

import pytest

from landbridge import endpoints, translation
from landbridge.kinds import Bool, Date, Decimal, Enum, Int, Kind, Text, Timestamp, TimestampTz
from landbridge.model import Column, TableName
from landbridge.translation import Untranslatable, triggers, views
from landbridge.translation.places import Place

ORDERS, LINES, SUMMARY = (TableName(schema="shop", name=name) for name in ("Orders", "lines", "summary"))
NAMES = {each: TableName(schema="public", name=each.name) for each in (ORDERS, LINES, SUMMARY)}


def text(name: str, collation: str) -> Column:
    return Column(name=name, kind=Text(), native="-", collation=collation)


COLUMNS: dict[str, Kind | Column] = {
    "id": Int(bits=32),
    "Name": text("Name", "utf8mb4_general_ci"),
    "code": text("code", "utf8mb4_0900_bin"),
    "price": Decimal(precision=10, scale=2),
    "paid": Bool(),
    "state": Enum(labels=("new", "sent")),
    "day": Date(),
    "at": Timestamp(),
}
TABLES = {
    ORDERS: Place(columns=COLUMNS, key=("id",)),
    LINES: Place(columns={"order_id": Int(bits=32), "qty": Int(bits=16)}, targets={"qty": "quantity"}),
    SUMMARY: Place(columns={"order_id": Int(bits=32), "note": Text(), "seen": Timestamp()}),
}


def why(expression: str, **more: object) -> str:
    with pytest.raises(Untranslatable) as refused:
        translation.translate_expression(expression, "mysql", "postgres", COLUMNS, **more)  # type: ignore[arg-type]
    return str(refused.value)


def query(sql: str) -> str | None:
    return translation.query(sql, "mysql", "postgres", NAMES, TABLES)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("`Name`", None),
        ("a || b", None),
        ("(`paid` or (`id` = 1))", '("paid" OR ("id" = 1))'),
        ("`code` = 'x'", "(\"code\" = 'x')"),
        ("`Name` = 'x'", None),
        ("`state` = 'new'", "(\"state\" = 'new')"),
        ("`state` = 'New'", None),
        ("`id`", '("id" <> 0)'),
        ("_latin1'x' = `code`", None),
        ("`id` in (1, 2, null)", '("id" IN (1, 2, NULL))'),
        ("1 = 1 -- that is all", "(1 = 1)"),
        ("`id` > 1 union select 2", None),
        ("`price` / 3 > 1", None),
    ],
)
def test_conditions(given: str, wanted: str | None) -> None:
    try:
        found = translation.translate_expression(given, "mysql", "postgres", COLUMNS, into=Bool()).text
    except Untranslatable:
        found = None
    assert found == wanted


def test_a_refusal_says_why() -> None:
    assert "soundex" in why("soundex(Name)")
    assert "case" in why("Name = 'x'")
    assert "sum" not in (translation.expression("sum(id)", "mysql", "postgres", COLUMNS) or "")
    assert "language of klingon" in _refusal_of_a_family("klingon")


def _refusal_of_a_family(family: str) -> str:
    with pytest.raises(Untranslatable) as refused:
        translation.translate_expression("1", family, "postgres")
    return str(refused.value)


def test_what_depends_on_the_session_is_known() -> None:
    found = [
        translation.translate_expression(each, "mysql", "postgres", COLUMNS).stable
        for each in ("concat(state, '')", "year(day)", "date_format(at, '%Y')", "now()", "price * 2")
    ]
    assert found == [True, False, True, True, False]


def test_a_quotient_is_rounded_once() -> None:
    stored = translation.translate_expression(
        "price / 3", "mysql", "postgres", COLUMNS, into=Decimal(precision=9, scale=2)
    )
    assert stored.text == 'round("price"::numeric / 3, 2)'
    assert "quotient" in why("coalesce(price / 3, 0)", into=Decimal(precision=9, scale=2))


def test_a_query_keeps_its_structure() -> None:
    found = query(
        "select `o`.`id` AS `id`,sum(`l`.`qty`) AS `n` from (`shop`.`Orders` `o` left join `shop`.`lines` `l`"
        " on((`o`.`id` = `l`.`order_id`))) where `o`.`paid` group by `o`.`id` having (`n` > 1) order by `n` desc limit 2,3"
    )
    assert found == (
        'SELECT "o"."id" AS "id", sum("l"."quantity") AS "n" FROM ("public"."Orders" AS "o" LEFT JOIN "public"."lines" AS "l"'
        ' ON ("o"."id" = "l"."order_id")) WHERE "o"."paid" GROUP BY "o"."id" HAVING (sum("l"."quantity") > 1)'
        ' ORDER BY sum("l"."quantity") DESC NULLS LAST LIMIT 3 OFFSET 2'
    )


@pytest.mark.parametrize(
    "refused",
    [
        "select * from `shop`.`Orders`",
        "select `x`.`id` AS `id` from `shop`.`elsewhere` `x`",
        "select `id` AS `id` from `shop`.`Orders` for update",
        "select rank() over (order by `id`) AS `r` from `shop`.`Orders`",
        "select 1 from `shop`.`Orders`",
        "select `a`.`id` AS `id` from `shop`.`Orders` `a` natural join `shop`.`Orders` `b`",
        "select `id` AS `id` from `shop`.`Orders` limit 1 + 1",
        "delete from `shop`.`Orders`",
        "select lower(`o`.`Name`) AS `Name` from `shop`.`Orders` `o` group by `Name`",
        "select `id` AS `id` from `shop`.`Orders` where match (`Name`) against ('x')",
    ],
)
def test_queries_that_are_refused(refused: str) -> None:
    assert query(refused) is None


def test_a_view_is_taken_apart() -> None:
    reads = endpoints.dialect("mysql")
    found = views.take_apart(
        "CREATE ALGORITHM=UNDEFINED DEFINER=`as`@`view` SQL SECURITY INVOKER VIEW `s`.`as` (`x`,`y`) AS"
        " select 1 AS `a`,2 AS `b` WITH LOCAL CHECK OPTION",
        reads,
    )
    assert (found.columns, found.invoker, found.option) == (("x", "y"), True, "WITH LOCAL CHECK OPTION")
    assert found.query.strip() == "select 1 AS `a`,2 AS `b`"


def body(given: str, event: str = "INSERT", timing: str = "BEFORE", of: TableName = ORDERS) -> list[str]:
    made = triggers.Body(endpoints.dialect("mysql"), endpoints.dialect("postgres"), NAMES, TABLES, of)
    return [line.strip() for line in made.lines(given, event, timing)]


def test_the_body_of_a_trigger() -> None:
    assert body("set new.code = uuid(), new.price = ifnull(new.price, 0)") == [
        'NEW."code" := gen_random_uuid()::text;',
        'NEW."price" := COALESCE(NEW."price", 0);',
    ]
    assert body(
        """begin
            if new.paid and not old.paid then -- a comment; with a semicolon
                insert into summary (order_id, note) values (new.id, concat('paid; ', new.id));
            elseif new.id <> old.id then
                update `shop`.summary set order_id = new.id where order_id = old.id;
            else
                delete from summary where order_id = old.id;
            end if;
        end""",
        "UPDATE",
        "AFTER",
    ) == [
        'IF (NEW."paid" AND (NOT OLD."paid")) THEN',
        'INSERT INTO "public"."summary" ("order_id", "note") VALUES (NEW."id", (\'paid; \' || (NEW."id")::text));',
        'ELSIF (NEW."id" <> OLD."id") THEN',
        'UPDATE "public"."summary" SET "order_id" = NEW."id" WHERE ("order_id" = OLD."id");',
        "ELSE",
        'DELETE FROM "public"."summary" WHERE ("order_id" = OLD."id");',
        "END IF;",
    ]


@pytest.mark.parametrize(
    "refused",
    [
        "set @a = 1",
        "set new.code = old.code",
        "begin declare x int; set x = 1; end",
        "call proc()",
        "begin while 1 do set new.id = 1; end while; end",
        "insert into summary values (1, 'x', now())",
        "insert into summary (order_id) select 1",
        "insert into summary (order_id) values (1) on duplicate key update note = 'x'",
        "insert ignore into summary (order_id) values (1)",
        "update summary set order_id = 1, note = order_id",
        "update summary, lines set order_id = 1",
        "delete from Orders where id = 1",
        "delete from summary order by order_id limit 1",
        "signal sqlstate '45000'",
        "begin set new.id = 1; end; set new.id = 2",
        "set new.nothing = 1",
        "set new.id = nothing",
    ],
)
def test_bodies_that_are_refused(refused: str) -> None:
    with pytest.raises(Untranslatable):
        body(refused)


def test_a_function_that_returns_early_is_no_body() -> None:
    reads = endpoints.dialect("postgres")
    made = triggers.Body(
        reads, endpoints.dialect("mysql"), NAMES, {ORDERS: Place(columns={"at": TimestampTz(fsp=6)})}, ORDERS
    )
    plain = "BEGIN NEW.at := now(); RETURN NEW; END;"
    assert made.lines(plain, "UPDATE", "BEFORE") == ["  SET NEW.`at` = UTC_TIMESTAMP(6);"]
    for other in (
        "BEGIN IF NEW.at IS NULL THEN RETURN NEW; END IF; NEW.at := now(); RETURN NEW; END",
        "BEGIN NEW.at := now(); RETURN NULL; END",
        "BEGIN RETURN OLD; END",
        "DECLARE x int; BEGIN RETURN NEW; END",
    ):
        with pytest.raises(Untranslatable):
            made.lines(other, "UPDATE", "BEFORE")


@pytest.mark.parametrize(
    ("joined", "settled"),
    [
        ("GROUP_CONCAT(o.`id` ORDER BY o.`id`)", ("day", "joined")),
        ("GROUP_CONCAT(o.`Name` ORDER BY o.`id`)", ("day", "joined")),
        ("GROUP_CONCAT(o.`id` ORDER BY o.`Name`)", ("day",)),
        ("GROUP_CONCAT(o.`id`)", ("day",)),
    ],
)
def test_texts_joined_in_an_order_of_texts_are_not_compared(joined: str, settled: tuple[str, ...]) -> None:
    sql = f"SELECT o.`day` AS `day`, {joined} AS `joined` FROM `shop`.`Orders` o GROUP BY o.`day`"
    assert translation.translate_query(sql, "mysql", "postgres", NAMES, TABLES).settled == settled

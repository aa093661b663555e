"""What a report says of statements holds no value, even where the server left one in its text."""

from landbridge import kinds
from landbridge.assessment import workload
from landbridge.endpoints.surveying import SeenStatement
from landbridge.model import TableName
from landbridge.translation.places import Place

T = TableName(schema="s", name="people")
PLACES = {T: Place(columns={"id": kinds.Int(bits=32), "name": kinds.Text()}, key=("id",))}


def read(text: str, source: str = "postgres", target: str = "mysql") -> workload.Workload:
    return workload.read(
        [SeenStatement(text=text, schemas=("s",), calls=3, seconds=0.5)], source, target, {T: T}, PLACES
    )


def test_no_value_is_told_in_a_reason_or_an_example() -> None:
    for text in (
        "select s.mystery(name || 'Hunter', 4711) from people -- Hunter",
        "select name ~ 'Hunter' from people where id = 4711",
        "delete from people where name = 'Hunter' and id = 4711 returning id",
        "select 'Hunter' from people where ((",
    ):
        found = read(text)
        assert found.untranslatable == 1, text
        assert "Hunter" not in repr(found)
        assert "4711" not in repr(found)
        assert "people" in found.features[0].examples[0]


def test_within_a_family_all_is_fine_and_what_touches_no_table_is_aside() -> None:
    assert read("select name ~ 'x' from people", target="postgres").fine == 1
    assert read("select s.other.id from s.other").aside == 1
    assert read("vacuum people").aside == 1
    assert read("select id from people where name = ? limit ?").fine == 1

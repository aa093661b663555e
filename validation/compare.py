"""
The exact check while writes go on: apply is held for the moment in which snapshots of both sides are opened at one
position of the source, then it runs on, and the comparing takes as long as it likes.
"""

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from landbridge import ledger
from landbridge.catch_up import Watch, holding
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Carried, Connects, View, Views
from landbridge.errors import Transient
from landbridge.kinds import SORTED_ALIKE
from landbridge.ledger import Difference
from landbridge.model import EVERYTHING, Bounds, Position, Sum, TableMap
from landbridge.resume import refuse_unseen
from validation.differ import Outcome, diff, shown
from validation.settle import Settling
from validation.views import Answer, ask, unasked

_AHEAD = "rows were read again from the source meanwhile and are ahead of the others"
Progress = Callable[[TableMap, int, int], None]
"""Table, ranges compared, ranges in all."""


@dataclass(frozen=True, kw_only=True)
class RangeResult:
    """
    proof: 'checksum' (both servers hashed the canonical texts), 'value' (streamed and compared parsed, because the
    texts differed), 'changed keys' (by value, the rows that changed since the last comparison) or 'settled' (of a table
    that cannot be held still: what differed was read again until it agreed, and the row count is the target's). The
    proofs are equal when the sides are.
    """

    table: TableMap
    number: int
    bounds: Bounds
    source: Sum
    target: Sum
    proof: str
    source_proof: str
    target_proof: str
    differing: int = 0

    @property
    def equal(self) -> bool:
        same = self.source.rows == self.target.rows and self.source_proof == self.target_proof
        return same and self.differing == 0


@dataclass(kw_only=True)
class Comparison:
    """
    All ranges of all tables at one position, or what changed in them since another. orphans: rows that point nowhere,
    by table and foreign key.
    """

    position: Position | None = None
    since: Position | None = None
    expected_ranges: int = 0
    held: float = 0.0
    ranges: list[RangeResult] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    orphans: dict[tuple[str, str], int] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def equal(self) -> bool:
        every = len(self.ranges) == self.expected_ranges
        return every and all(r.equal for r in self.ranges) and not any(self.orphans.values())


def compare(
    source: Endpoint,
    target: Endpoint,
    run: str,
    watch: Watch,
    *,
    patience: float,
    still: bool = False,
    only: Collection[int] | None = None,
    progress: Progress = lambda _table, _done, _all: None,
) -> Comparison:
    """
    still: the source is frozen and everything is applied, so nothing needs holding. only: these tables' numbers.
    Transient when the views cannot be had within `patience` seconds.
    """
    begun = time.monotonic()
    settling = None if still else Settling(source, target, run, watch, patience)
    with _views(source, target, run, watch, patience, still) as (left, right, held, shapes):
        if not shapes.leads_back:
            refuse_unseen(source, shapes.tables)
        work, objects = shapes.work(only), shapes.objects
        comparison = Comparison(position=left.position, expected_ranges=sum(map(len, work.values())), held=held)
        with ThreadPoolExecutor(2, thread_name_prefix="compare") as pool:
            for table, ranges in work.items():
                moving = settling if shapes.moves(table) else None
                _compare_table(table, ranges, left, right, pool, comparison, watch, progress, moving)
                orphans = right.orphans(table.target)
                if any(orphans.values()) and shapes.ahead and settling is not None:
                    orphans = settling.orphans(table, orphans)
                comparison.orphans |= {(str(table.target.name), key): number for key, number in orphans.items()}
        if not still:  # nobody waits for views while the source is frozen
            comparison.answers += ask(objects, left, right) if not shapes.ahead else unasked(objects, _AHEAD)
        shapes.refuse_others(target, run)
    comparison.seconds = time.monotonic() - begun
    return comparison


@dataclass(frozen=True, kw_only=True)
class _Shapes:
    """
    The run's tables where the views are. What an alteration rewrites, an older snapshot may see empty. ahead: rows of
    the target are newer than the views' position, as they were read again from the source for changes after it began.
    """

    tables: list[TableMap]
    bounds: dict[int, list[Bounds]]
    objects: tuple[Carried, ...]
    altered: list[ledger.Alteration]
    leads_back: bool
    ahead: bool

    @staticmethod
    def read(target: Endpoint, run: str, position: Position | None = None) -> "_Shapes":
        with target.get(Connects).engine().begin() as connection:
            ledger.refuse_standing(connection, run)
            tables = ledger.tables(connection, run)
            consistent = None if position is None else ledger.read_stream(connection, run).consistent
            return _Shapes(
                tables=tables,
                bounds={table.number: ledger.segment_bounds(connection, run, table.number) for table in tables},
                objects=ledger.blueprint(connection, run).objects,
                altered=ledger.alterations(connection, run),
                leads_back=ledger.leg_of(connection, run).leads_back,
                ahead=position is not None and consistent is not None and position < consistent,
            )

    def moves(self, table: TableMap) -> bool:
        """Whether its rows may differ between the views though nothing is wrong. Only by a key are rows read again."""
        return not table.source.transactional or (self.ahead and bool(table.key))

    def work(self, only: Collection[int] | None) -> dict[TableMap, list[Bounds]]:
        wanted = [table for table in self.tables if only is None or table.number in only]
        return {table: _ranges(table, self.bounds[table.number]) for table in wanted}

    def refuse_others(self, target: Endpoint, run: str) -> None:
        with target.get(Connects).engine().begin() as connection:
            ledger.refuse_standing(connection, run)
            since = ledger.altered_since(connection, run, self.altered)
        if since:
            names = ", ".join(sorted({str(each.map.source.name) for each in since}))
            raise Transient(f"{names} were altered while they were compared", mend="compare again")


def _ranges(table: TableMap, bounds: list[Bounds]) -> list[Bounds]:
    """The load's ranges where both sides sort the key alike, and it is the key still; else the table as a whole."""
    kinds = [field.kind for field in table.source_side.key_fields]
    alike = bool(kinds) and all(isinstance(kind, SORTED_ALIKE) for kind in kinds)
    fit = all(b.token is None and {len(kinds)} >= {len(end) for end in (b.low, b.high) if end} for b in bounds)
    return bounds if alike and bounds and fit else [EVERYTHING]


@contextmanager
def _views(
    source: Endpoint, target: Endpoint, run: str, watch: Watch, patience: float, still: bool
) -> Iterator[tuple[View, View, float, _Shapes]]:
    """Both views, the seconds for which apply was held, and the tables there."""
    engine = target.get(Connects).engine()
    with ExitStack() as views:
        if still:
            shapes = _Shapes.read(target, run)
            left, right = (views.enter_context(each.get(Views).view()) for each in (source, target))
            yield left, right, 0.0, shapes
            return
        begun = time.monotonic()
        with holding(engine, run, watch, patience) as hold:
            left = views.enter_context(source.get(Views).view(exact=True))
            assert left.position is not None
            hold(left.position)
            right = views.enter_context(target.get(Views).view())
            shapes = _Shapes.read(target, run, left.position)
        yield left, right, time.monotonic() - begun, shapes


def _compare_table(
    table: TableMap,
    ranges: list[Bounds],
    left: View,
    right: View,
    pool: ThreadPoolExecutor,
    comparison: Comparison,
    watch: Watch,
    progress: Progress,
    settling: Settling | None,
) -> None:
    for number, bounds in enumerate(ranges):
        watch()
        theirs = pool.submit(left.sum, table.source_side, bounds)
        ours = pool.submit(right.sum, table.target_side, bounds)
        result, differences = _judge(table, number, bounds, theirs.result(), ours.result(), left, right, settling)
        comparison.ranges.append(result)
        comparison.differences += differences
        progress(table, number + 1, len(ranges))


def _judge(
    table: TableMap,
    number: int,
    bounds: Bounds,
    source: Sum,
    target: Sum,
    left: View,
    right: View,
    settling: Settling | None,
) -> tuple[RangeResult, list[Difference]]:
    outcome, proof, proofs = Outcome(), "checksum", (source.checksum, target.checksum)
    if source != target:
        outcome = diff(table, bounds, left, right, max(source.rows, target.rows))
        proof, proofs = "value", (outcome.source_digest, outcome.target_digest)
    if settling is not None and outcome.differing and not _settle(table, outcome, settling):
        source, proof, proofs = target, "settled", (0, 0)
    result = RangeResult(
        table=table, number=number, bounds=bounds, source=source, target=target, proof=proof,
        source_proof=hexed(proofs[0]), target_proof=hexed(proofs[1]), differing=outcome.differing,
    )  # fmt: skip
    return result, outcome.named


def _settle(table: TableMap, outcome: Outcome, settling: Settling) -> int:
    """How many rows differ in the end; the others are taken out of the outcome. Too many to keep are not tried."""
    if outcome.differing <= len(outcome.keys):
        left = settling.differing(table, outcome.keys)
        names = {shown(table, key) for key in left}
        outcome.differing = len(left)
        outcome.named = [difference for difference in outcome.named if difference.key in names]
    return outcome.differing


def hexed(number: int) -> str:
    return f"{number:016x}"

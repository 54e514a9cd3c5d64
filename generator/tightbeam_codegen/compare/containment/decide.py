"""Decide whether a reader takes everything that a writer says."""

from __future__ import annotations

from dataclasses import dataclass

from tightbeam._payload.schemas import Bundle
from tightbeam_codegen.compare.containment.answers import Answer, Contained, Side, Undecided
from tightbeam_codegen.compare.containment.formulas import Literal
from tightbeam_codegen.compare.containment.judging import Judge
from tightbeam_codegen.compare.containment.nodes import Node, NodeTable, UnsupportedError
from tightbeam_codegen.compare.containment.outcomes import Nothing, Outcome, Unknown
from tightbeam_codegen.compare.containment.publishing import SAID
from tightbeam_codegen.compare.containment.reading import Place, Places
from tightbeam_codegen.compare.containment.shrinking import shrunk
from tightbeam_codegen.compare.containment.solver import OutOfStepsError, Solver

__all__ = ["contains"]

_STEPS = 20_000
_TOO_MUCH = "the schemas are too large to be compared"


def contains(reader: Side, writer: Side, *, as_written: bool = False) -> Answer:
    """Decide whether a reader takes every payload that a writer says.

    Args:
        reader: the side of the readers. They are tolerant: they pass over what no class of theirs declares.
        writer: the side of the publishers. They say what their bindings let them say.
        as_written: compare both schemas as they stand, for readers and publishers without our bindings.

    Returns:
        That it does, or a payload that it refuses, or that neither was found out.
    """
    try:
        return _Comparison(reader, writer, as_written=as_written).answer()
    except UnsupportedError as error:
        return Undecided(str(error))
    except RecursionError:
        return Undecided(_TOO_MUCH)


@dataclass(frozen=True, slots=True)
class _Sides:
    """Both sides, as they are compared."""

    reader: Node
    writer: Node
    bundle: Bundle
    judge: Judge


class _Comparison:
    def __init__(self, reader: Side, writer: Side, *, as_written: bool) -> None:
        self._table = NodeTable()
        self._reader_bundle, self._reader = self._table.side(reader)
        self._writer_bundle, self._writer = self._table.side(writer)
        self._topics = (
            self._reader_bundle.topics[reader.topic],
            self._writer_bundle.topics[writer.topic],
        )
        self._as_written = as_written

    def answer(self) -> Answer:
        """Return the answer."""
        if self._reader is self._writer:
            return Contained()
        readings: tuple[Place, ...] = ()
        if not self._as_written:
            all_places = (Places(self._table, spares_open=True), Places(self._table, spares_open=False))
            readings = tuple(filter(None, (places.place([self._reader]) for places in all_places)))
        doubts: list[str] = []
        payload = None
        for view in readings or (None,):
            solver = Solver(self._table, _STEPS)
            outcome = self._solve(solver, view)
            if isinstance(outcome, Nothing):
                return Contained()
            if isinstance(outcome, Unknown):
                doubts.append(outcome.reason)
                continue
            judge = self._judge(solver, readings)
            if judge.shows(outcome.value):
                payload = shrunk(outcome.value, judge.shows)
                return judge.refusal(payload, self._writer, self._reader_bundle)
            doubts.append(outcome.doubt or "a payload that was found turned out to be none")
        return Undecided(doubts[0])

    def _solve(self, solver: Solver, view: Place | None) -> Outcome:
        said = None if self._as_written else SAID
        goal = frozenset([Literal(self._writer, True, said), Literal(self._reader, False, view)])
        try:
            return solver.solve(goal)
        except OutOfStepsError:
            return Unknown(_TOO_MUCH)

    def _judge(self, solver: Solver, readings: tuple[Place, ...]) -> Judge:
        reader, writer = self._topics
        return Judge(
            (self._reader_bundle.topic_validator(reader), readings),
            (self._writer_bundle.topic_validator(writer), None if self._as_written else self._writer),
            solver,
        )

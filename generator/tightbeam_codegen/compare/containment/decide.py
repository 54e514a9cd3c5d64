"""Decide whether a reader takes everything that a writer says."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from tightbeam.errors import OutdatedBindings
from tightbeam_codegen.compare.containment.answers import Answer, Contained, Side, Undecided
from tightbeam_codegen.compare.containment.candidates import candidates
from tightbeam_codegen.compare.containment.formulas import Literal
from tightbeam_codegen.compare.containment.judging import Judge
from tightbeam_codegen.compare.containment.nodes import NodeTable, UnsupportedError
from tightbeam_codegen.compare.containment.outcomes import Nothing, Outcome, Unknown
from tightbeam_codegen.compare.containment.publishing import SAID
from tightbeam_codegen.compare.containment.reading import Place, Places
from tightbeam_codegen.compare.containment.shrinking import shrunk
from tightbeam_codegen.compare.containment.solver import TOO_DEEP, OutOfStepsError, Solver
from tightbeam_codegen.read.load import JsonValue
from tightbeam_codegen.room import with_room

__all__ = ["contains", "takes_all"]

_STEPS = 20_000
_DEPTH, _DEPTH_WITH_ROOM = 30, 300
"""How deep arrays and objects may be nested, on the caller's stack and on a large one."""
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
    answer = _answer(reader, writer, _DEPTH, as_written=as_written)
    if isinstance(answer, Undecided) and answer.reason == TOO_DEEP:
        return with_room(lambda: _answer(reader, writer, _DEPTH_WITH_ROOM, as_written=as_written))
    return answer


def takes_all(reader: Side, writer: Side) -> bool:
    """Return whether it is proven that one schema allows all that another one allows, as they stand.

    That is less work than `contains`, which looks for a payload that people can read.

    Args:
        reader: has the schema that should allow more.
        writer: has the other one.
    """
    try:
        return _Comparison(reader, writer, _DEPTH, as_written=True).is_proven()
    except (UnsupportedError, OutOfStepsError, OutdatedBindings, RecursionError):
        return False


def _answer(reader: Side, writer: Side, depth: int, *, as_written: bool) -> Answer:
    try:
        return _Comparison(reader, writer, depth, as_written=as_written).answer()
    except UnsupportedError as error:
        return Undecided(str(error))
    except OutOfStepsError:
        return Undecided(_TOO_MUCH)
    except OutdatedBindings:
        return Undecided("the validator of a schema can't be built")
    except RecursionError:
        return Undecided(TOO_DEEP)


class _Comparison:
    def __init__(self, reader: Side, writer: Side, depth: int, *, as_written: bool) -> None:
        self._depth = depth
        self._table = NodeTable()
        self._reader_bundle, self._reader = self._table.side(reader)
        self._writer_bundle, self._writer = self._table.side(writer)
        self._topics = (
            self._reader_bundle.topics[reader.topic],
            self._writer_bundle.topics[writer.topic],
        )
        self._as_written = as_written
        self._readings: tuple[Place, ...] = ()
        if not as_written:
            each = (Places(self._table, spares_open=True), Places(self._table, spares_open=False))
            self._readings = tuple(filter(None, (places.place([self._reader]) for places in each)))

    def answer(self) -> Answer:
        """Return the answer."""
        if self._reader is self._writer:
            return Contained()
        doubts: list[str] = []
        solver = Solver(self._table, _STEPS, self._depth)
        for views in self._attempts():
            outcome = self._solve(solver, views)
            if isinstance(outcome, Nothing):
                return Contained()
            if isinstance(outcome, Unknown):
                doubts.append(outcome.reason)
                continue
            if _shows(self._judge, outcome.value):
                return self._refused(outcome.value)
            doubts.append(outcome.doubt or "a payload that was found turned out to be none")
        return self._tried() or Undecided(doubts[0])

    def is_proven(self) -> bool:
        """Return whether it is proven that there is no payload, without a look for one to show."""
        if self._reader is self._writer:
            return True
        solver = Solver(self._table, _STEPS, self._depth)
        return any(isinstance(self._solve(solver, views), Nothing) for views in self._attempts())

    def _attempts(self) -> Iterable[tuple[Place | None, ...]]:
        """Yield the readings of which one at least must take a value: one alone, or any of them."""
        if not self._readings:
            yield (None,)
            return
        yield from ((reading,) for reading in self._readings)
        yield (None, *self._readings)

    def _solve(self, solver: Solver, views: tuple[Place | None, ...]) -> Outcome:
        """Find a value that the writer says and that none of some readings takes."""
        said = None if self._as_written else SAID
        readers = [Literal(self._reader, False, view) for view in views]
        goal = frozenset([Literal(self._writer, True, said), *readers])
        try:
            return solver.solve(goal)
        except OutOfStepsError:
            return Unknown(_TOO_MUCH)

    def _tried(self) -> Answer | None:
        """Try values near the edges of both schemas."""
        for value in candidates((self._writer, self._reader)):
            if _shows(self._judge, value):
                return self._refused(value)
        return None

    def _refused(self, value: JsonValue) -> Answer:
        payload = shrunk(value, lambda smaller: _shows(self._judge, smaller))
        writer = (self._topics[1].ref, self._writer_bundle)
        return self._judge.refusal(payload, writer, self._reader_bundle)

    @functools.cached_property
    def _judge(self) -> Judge:
        reader, writer = self._topics
        return Judge(
            (self._reader_bundle.topic_validator(reader), self._readings),
            (self._writer_bundle.topic_validator(writer), None if self._as_written else self._writer),
            Solver(self._table, _STEPS, self._depth),
        )


def _shows(judge: Judge, value: JsonValue) -> bool:
    try:
        return judge.shows(value)
    except OutOfStepsError:
        return False

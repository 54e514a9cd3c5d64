"""Literals in containers whose contents have two forms. Checked by all, and run."""

from __future__ import annotations

from datetime import UTC, date, datetime
from ipaddress import IPv4Address
from typing import assert_type
from uuid import UUID

import tightbeam
from shapes_bindings.common.trees import Tree
from shapes_bindings.literals import DocumentDict, Forest, ForestDict, PointDict, literals_channel

ch = literals_channel


async def numbers(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.numbers, [1, 2])
    await ctx.publish(ch.numbers, [1.5, 2])
    await ctx.publish(ch.numbers, [])
    await ctx.publish(ch.numbers, [1])
    await ctx.publish(ch.numbers, [1.5])
    await ctx.publish(ch.numbers, [x * 2 for x in range(3)])


async def percentages(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.percentages, [1, 2.5])


async def gauges(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.gauges, {"cpu": 1})
    await ctx.publish(ch.gauges, {"cpu": 1.5, "mem": 2})
    await ctx.publish(ch.gauges, {})
    await ctx.publish(ch.gauges, {k: ord(k) for k in "ab"})


async def grid(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.grid, [[1, 2], [1.5]])
    await ctx.publish(ch.grid, [[]])
    await ctx.publish(ch.grid, [])
    await ctx.publish(ch.grid, [[1]])


async def cube(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.cube, [[[1]]])
    await ctx.publish(ch.cube, [[[1.5, 2]]])


async def series(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.series, {"a": [1, 2]})
    await ctx.publish(ch.series, {"a": [], "b": [1.5]})
    await ctx.publish(ch.series, {"a": [1]})


async def records(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.records, [{"a": 1}])
    await ctx.publish(ch.records, [{"a": 1.5}, {"b": 2}])
    await ctx.publish(ch.records, [{}])


async def matrix(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.matrix, {"a": {"b": 1}})
    await ctx.publish(ch.matrix, {"a": {}})


async def ids(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.ids, ["0b0e1c9e-0000-4000-8000-000000000000"])
    await ctx.publish(ch.ids, [UUID(int=1)])
    await ctx.publish(ch.ids, [UUID(int=1), UUID(int=2)])
    await ctx.publish(ch.ids, [])
    await ctx.publish(ch.ids, [str(UUID(int=1))])


async def times(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.times, ["2026-01-02T03:04:05Z"])
    await ctx.publish(ch.times, [datetime(2026, 1, 1, tzinfo=UTC)])
    await ctx.publish(ch.times, ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"])


async def days(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.days, ["2026-01-02"])
    await ctx.publish(ch.days, [date(2026, 1, 1)])


async def addresses(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.addresses, ["10.0.0.1"])
    await ctx.publish(ch.addresses, [IPv4Address("10.0.0.1")])


async def ids_by_name(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.ids_by_name, {"a": "0b0e1c9e-0000-4000-8000-000000000000"})
    await ctx.publish(ch.ids_by_name, {"a": UUID(int=1)})
    await ctx.publish(ch.ids_by_name, {})


async def times_by_name(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.times_by_name, {"a": "2026-01-02T03:04:05Z"})
    await ctx.publish(ch.times_by_name, {"a": datetime(2026, 1, 1, tzinfo=UTC)})


async def ids_in_groups(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.ids_in_groups, [["0b0e1c9e-0000-4000-8000-000000000000"]])
    await ctx.publish(ch.ids_in_groups, [[UUID(int=1)]])


async def times_in_groups(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.times_in_groups, {"a": ["2026-01-02T03:04:05Z"]})


async def labels(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.labels, {"cpu": 1, "host": "a"})
    await ctx.publish(ch.labels, {"cpu": 1})
    await ctx.publish(ch.labels, {"host": "a"})
    await ctx.publish(ch.labels, {"a": 1.5, "b": "x"})


async def cells(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.cells, [1, "a"])
    await ctx.publish(ch.cells, [1])
    await ctx.publish(ch.cells, ["a"])
    await ctx.publish(ch.cells, [1.5])
    await ctx.publish(ch.cells, [1.5, "a", 2])


async def numbers_or_null(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.numbers_or_null, [1, None])
    await ctx.publish(ch.numbers_or_null, [None])
    await ctx.publish(ch.numbers_or_null, [1.5])
    await ctx.publish(ch.numbers_or_null, [1])
    await ctx.publish(ch.numbers_or_null, [1.5, None, 2])


async def gauges_or_null(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.gauges_or_null, {"a": 1, "b": None})
    await ctx.publish(ch.gauges_or_null, {"a": None})
    await ctx.publish(ch.gauges_or_null, {"a": 1})


async def ids_or_null(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.ids_or_null, ["0b0e1c9e-0000-4000-8000-000000000000", None])
    await ctx.publish(ch.ids_or_null, [None])
    await ctx.publish(ch.ids_or_null, [UUID(int=1), None])


async def maybe_numbers(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.maybe_numbers, None)
    await ctx.publish(ch.maybe_numbers, [1, 2])
    await ctx.publish(ch.maybe_numbers, [1.5])
    await ctx.publish(ch.maybe_numbers, [])


async def maybe_gauges(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.maybe_gauges, None)
    await ctx.publish(ch.maybe_gauges, {"a": 1})


async def pair(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.pair, [1, "a"])
    await ctx.publish(ch.pair, [1.5, "a"])


async def sample(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.sample, ["2026-01-02T03:04:05Z", 1])
    await ctx.publish(ch.sample, [datetime(2026, 1, 1, tzinfo=UTC), 1.5])
    await ctx.publish(ch.sample, ["2026-01-02T03:04:05Z", 1.5])


async def samples(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.samples, [["2026-01-02T03:04:05Z", 1], ["2026-01-02T03:04:05Z", 2.5]])


async def numbers_or_names(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.numbers_or_names, [1, 2])
    await ctx.publish(ch.numbers_or_names, ["a"])
    await ctx.publish(ch.numbers_or_names, [])
    await ctx.publish(ch.numbers_or_names, [1.5])


async def whole_or_names(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.whole_or_names, [1, 2])
    await ctx.publish(ch.whole_or_names, ["a"])
    await ctx.publish(ch.whole_or_names, [])


async def gauges_or_labels(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.gauges_or_labels, {"a": 1})
    await ctx.publish(ch.gauges_or_labels, {"a": "x"})
    await ctx.publish(ch.gauges_or_labels, {})


async def list_or_map(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.list_or_map, [1])
    await ctx.publish(ch.list_or_map, {"a": 1})
    await ctx.publish(ch.list_or_map, [])
    await ctx.publish(ch.list_or_map, {})


async def one_or_many(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.one_or_many, 1)
    await ctx.publish(ch.one_or_many, [1])
    await ctx.publish(ch.one_or_many, 1.5)
    await ctx.publish(ch.one_or_many, [1.5])


async def id_or_ids(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.id_or_ids, "0b0e1c9e-0000-4000-8000-000000000000")
    await ctx.publish(ch.id_or_ids, ["0b0e1c9e-0000-4000-8000-000000000000"])
    await ctx.publish(ch.id_or_ids, UUID(int=1))
    await ctx.publish(ch.id_or_ids, [UUID(int=1)])


async def point_or_points(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.point_or_points, [{"x": 1}])
    await ctx.publish(ch.point_or_points, {"x": 1, "y": 2})
    await ctx.publish(ch.point_or_points, [])


async def points_in_groups(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.points_in_groups, [{"x": 1}, [{"x": 2, "y": 1}]])
    await ctx.publish(ch.points_in_groups, [[{"x": 1}]])
    await ctx.publish(ch.points_in_groups, [[]])


async def points_and_words(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.points_and_words, [{"x": 1}, "a", 2])
    await ctx.publish(ch.points_and_words, ["a"])
    await ctx.publish(ch.points_and_words, [1.5])


async def points_or_numbers(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.points_or_numbers, [{"x": 1}])
    await ctx.publish(ch.points_or_numbers, [1])
    await ctx.publish(ch.points_or_numbers, [1.5, 2])
    await ctx.publish(ch.points_or_numbers, [])


async def points_or_tags(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.points_or_tags, [{"x": 1}])
    await ctx.publish(ch.points_or_tags, [{"q": "a"}])


async def point_or_gauges(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.point_or_gauges, {"x": 1})
    await ctx.publish(ch.point_or_gauges, {"a": 1.5})
    await ctx.publish(ch.point_or_gauges, {})


async def tag_or_points(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.tag_or_points, {"q": "a"})
    await ctx.publish(ch.tag_or_points, {"z": {"x": 1}})
    await ctx.publish(ch.tag_or_points, {"z": {"x": 1, "y": 2}})


async def forest(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.forest, [{"n": 1}, [{"n": 2}]])
    await ctx.publish(ch.forest, [])
    await ctx.publish(ch.forest, [[[{"n": 2}]]])
    await ctx.publish(ch.forest, [{"n": 1}])


async def maybe_forest(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.maybe_forest, None)
    await ctx.publish(ch.maybe_forest, [{"n": 1}, [{"n": 2}]])
    await ctx.publish(ch.forest_or_nest, [[{"n": 1}], [1.5], []])


async def forests_by_name(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.forests_by_name, {"a": [{"n": 1}, [{"n": 2}]], "b": None})
    await ctx.publish(ch.forests_by_name, {})


async def nest(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.nest, 1)
    await ctx.publish(ch.nest, [1, [2, 1.5, []]])
    await ctx.publish(ch.nest, 1.5)


async def id_tree(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.id_tree, "0b0e1c9e-0000-4000-8000-000000000000")
    await ctx.publish(ch.id_tree, UUID(int=1))
    await ctx.publish(
        ch.id_tree, ["0b0e1c9e-0000-4000-8000-000000000000", ["0b0e1c9e-0000-4000-8000-000000000000", []]]
    )
    await ctx.publish(ch.id_tree, [UUID(int=1), {"a": [UUID(int=2)]}])


async def wild(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.wild, ["a"])
    await ctx.publish(ch.wild, [["a"], [["b"]]])
    await ctx.publish(ch.wild, [])


async def letters_or_numbers(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.letters_or_numbers, ["a"])
    await ctx.publish(ch.letters_or_numbers, [1])
    await ctx.publish(ch.letters_or_numbers, [])


async def anything(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.anything, [1, "a", None, {}])


async def document(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.document, {"pts": [1, 2]})
    await ctx.publish(ch.document, {"pts": [1.5, 2]})
    await ctx.publish(ch.document, {"g": {"a": 1}})
    await ctx.publish(ch.document, {"ll": [{"x": 1}]})
    await ctx.publish(ch.document, {"ll": [{"q": "a"}]})
    await ctx.publish(ch.document, {"ll": []})
    await ctx.publish(ch.document, {"ll": [{"x": 1}, {"x": 2, "y": 1}]})
    await ctx.publish(ch.document, {"ln": [1, 2]})
    await ctx.publish(ch.document, {"ln": ["a"]})
    await ctx.publish(ch.document, {"ln": []})
    await ctx.publish(ch.document, {"mm": {"a": 1}})
    await ctx.publish(ch.document, {"mm": {"a": "b"}})
    await ctx.publish(ch.document, {"mm": {}})
    await ctx.publish(ch.document, {"uu": ["0b0e1c9e-0000-4000-8000-000000000000"]})
    await ctx.publish(ch.document, {"mix": {"a": 1, "b": "c"}})
    await ctx.publish(ch.document, {"lo": {"x": 1}})
    await ctx.publish(ch.document, {"lo": [{"x": 1}]})
    await ctx.publish(ch.document, {"nn": [1, None]})
    await ctx.publish(ch.document, {"nn": [None]})
    await ctx.publish(ch.document, {"mo": {"q": "a"}})
    await ctx.publish(ch.document, {"mo": {"z": {"x": 1}}})
    await ctx.publish(ch.document, {"lom": [{"x": 1}, {"q": "a"}]})
    await ctx.publish(ch.document, {"lom": [{"q": "a"}]})
    await ctx.publish(ch.document, {"deep": [[1, 2]]})
    await ctx.publish(ch.document, {"deep": [["a"]]})
    await ctx.publish(ch.document, {"deep": [[]]})
    await ctx.publish(ch.document, {"lolo": [{"x": 1}, [{"x": 2}]]})
    await ctx.publish(ch.document, {"ml": {"a": [1]}})
    await ctx.publish(ch.document, {"ml": {"a": "b"}})
    await ctx.publish(ch.document, {"nl": None})
    await ctx.publish(ch.document, {"nl": [1]})


async def variables(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    """A list, a tuple or a dictionary that has the type of either form fits, and one of a narrower type."""
    whole: list[int] = [1, 2]
    fractions: list[float] = [1.5]
    both: list[int | float] = [1, 1.5]
    uuids: list[UUID] = [UUID(int=1)]
    texts: list[str] = [str(UUID(int=1))]
    counts: dict[str, int] = {"a": 1}
    keys: dict[str, UUID] = {"a": UUID(int=1)}
    points: list[PointDict] = [{"x": 1}]
    trees: ForestDict = [{"n": 1}, [{"n": 2}]]
    models: Forest = [Tree(n=1), [Tree(n=2)]]
    document: DocumentDict = {"ll": points, "ln": texts, "mo": {"a": {"x": 1}}}
    for numbers in (whole, fractions, both, (1, 2.5)):
        await ctx.publish(ch.numbers, numbers)
    await ctx.publish(ch.ids, uuids)
    await ctx.publish(ch.ids, texts)
    await ctx.publish(ch.ids_or_null, uuids)
    await ctx.publish(ch.gauges, counts)
    await ctx.publish(ch.ids_by_name, keys)
    await ctx.publish(ch.numbers_or_names, whole)
    await ctx.publish(ch.numbers_or_names, texts)
    await ctx.publish(ch.points_or_tags, points)
    await ctx.publish(ch.forest, trees)
    await ctx.publish(ch.forest, models)
    await ctx.publish(ch.document, document)
    assert_type(await ctx.step.realtime.publish("numbers", ch.numbers, [1]), list[int | float])
    assert_type(await ctx.step.realtime.publish("ids", ch.ids, texts), list[UUID])
    assert_type(await ctx.step.realtime.publish("maybe", ch.maybe_numbers, [1]), list[int | float] | None)

"""Wrong literals over the same topics; the marks are those of bindings_bad.py."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import tightbeam
from shapes_bindings.literals import literals_channel

ch = literals_channel


async def numbers(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.numbers, ["a"])  # bad
    await ctx.publish(ch.numbers, {1})  # bad
    await ctx.publish(ch.numbers, 1)  # bad
    await ctx.publish(ch.numbers, [None])  # bad
    await ctx.publish(ch.numbers, "ab")  # bad


async def percentages(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.percentages, ["a"])  # bad


async def gauges(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.gauges, {"cpu": "x"})  # bad
    await ctx.publish(ch.gauges, {1: 1})  # bad
    await ctx.publish(ch.gauges, ["cpu"])  # bad
    await ctx.publish(ch.gauges, {"cpu": None})  # bad


async def grid(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.grid, [1])  # bad
    await ctx.publish(ch.grid, [["a"]])  # bad
    await ctx.publish(ch.grid, ["ab"])  # bad


async def cube(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.cube, [[1]])  # bad


async def series(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.series, {"a": 1})  # bad
    await ctx.publish(ch.series, {"a": ["x"]})  # bad


async def records(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.records, [{"a": "x"}])  # bad
    await ctx.publish(ch.records, {"a": 1})  # bad


async def matrix(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.matrix, {"a": 1})  # bad
    await ctx.publish(ch.matrix, {"a": {"b": "x"}})  # bad


async def ids(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.ids, [1])  # bad
    await ctx.publish(ch.ids, "ab")  # bad
    await ctx.publish(ch.ids, [datetime.now(UTC)])  # bad


async def times(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.times, [1])  # bad
    await ctx.publish(ch.times, "ab")  # bad
    await ctx.publish(ch.times, [UUID(int=1)])  # bad


async def days(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.days, [1])  # bad


async def addresses(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.addresses, [1])  # bad


async def ids_by_name(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.ids_by_name, {"a": 1})  # bad


async def times_by_name(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.times_by_name, {"a": 1})  # bad


async def ids_in_groups(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.ids_in_groups, [[1]])  # bad


async def times_in_groups(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.times_in_groups, {"a": [1]})  # bad
    await ctx.publish(ch.times_in_groups, {"a": "ab"})  # bad


async def labels(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.labels, {"a": None})  # bad
    await ctx.publish(ch.labels, {"a": [1]})  # bad


async def cells(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.cells, [None])  # bad
    await ctx.publish(ch.cells, "ab")  # bad


async def numbers_or_null(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.numbers_or_null, ["a"])  # bad


async def gauges_or_null(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.gauges_or_null, {"a": "x"})  # bad


async def ids_or_null(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.ids_or_null, [1])  # bad


async def maybe_numbers(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.maybe_numbers, 1)  # bad
    await ctx.publish(ch.maybe_numbers, ["a"])  # bad


async def maybe_gauges(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.maybe_gauges, 1)  # bad
    await ctx.publish(ch.maybe_gauges, {"a": "x"})  # bad


async def pair(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.pair, [None])  # bad


async def sample(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.sample, [None])  # bad


async def samples(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.samples, [[None]])  # bad


async def numbers_or_names(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.numbers_or_names, [None])  # bad
    await ctx.publish(ch.numbers_or_names, 1)  # bad


async def whole_or_names(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.whole_or_names, [None])  # bad
    await ctx.publish(ch.whole_or_names, [1.5])  # bad


async def gauges_or_labels(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.gauges_or_labels, {"a": None})  # bad
    await ctx.publish(ch.gauges_or_labels, 1)  # bad


async def list_or_map(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.list_or_map, 1)  # bad
    await ctx.publish(ch.list_or_map, ["a"])  # bad
    await ctx.publish(ch.list_or_map, {"a": "b"})  # bad


async def one_or_many(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.one_or_many, "a")  # bad
    await ctx.publish(ch.one_or_many, ["a"])  # bad


async def id_or_ids(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.id_or_ids, 1)  # bad
    await ctx.publish(ch.id_or_ids, [1])  # bad


async def point_or_points(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.point_or_points, [{"x": "a"}])  # bad
    await ctx.publish(ch.point_or_points, {"x": "a"})  # bad


async def points_in_groups(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.points_in_groups, [{"y": 1}])  # bad
    await ctx.publish(ch.points_in_groups, [["a"]])  # bad


async def points_and_words(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.points_and_words, [None])  # bad
    await ctx.publish(ch.points_and_words, "ab")  # bad


async def points_or_numbers(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.points_or_numbers, ["a"])  # bad


async def points_or_tags(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.points_or_tags, [{"z": 1}])  # bad


async def point_or_gauges(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.point_or_gauges, {"a": "x"})  # bad


async def tag_or_points(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.tag_or_points, {"z": {"y": 1}})  # bad


async def forest(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.forest, [{"m": 1}])  # bad
    await ctx.publish(ch.forest, ["a"])  # bad
    await ctx.publish(ch.forest, 1)  # bad


async def maybe_forest(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.maybe_forest, 1)  # bad
    await ctx.publish(ch.maybe_forest, [{"m": 1}])  # bad
    await ctx.publish(ch.forest_or_nest, [["a"]])  # bad


async def forests_by_name(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.forests_by_name, {"a": [{"m": 1}]})  # bad
    await ctx.publish(ch.forests_by_name, {"a": {"n": 1}})  # bad


async def nest(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.nest, "a")  # bad
    await ctx.publish(ch.nest, [["a"]])  # bad


async def id_tree(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.id_tree, 1)  # bad
    await ctx.publish(ch.id_tree, [[1]])  # bad
    await ctx.publish(ch.id_tree, {"a": [1]})  # bad


async def wild(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.wild, [1])  # bad
    await ctx.publish(ch.wild, "a")  # bad
    await ctx.publish(ch.wild, [[None]])  # bad


async def letters_or_numbers(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.letters_or_numbers, ["c"])  # bad
    await ctx.publish(ch.letters_or_numbers, [None])  # bad


async def anything(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.anything, 1)  # bad


async def document(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    await ctx.publish(ch.document, {"pts": ["a"]})  # bad
    await ctx.publish(ch.document, {"g": {"a": "b"}})  # bad
    await ctx.publish(ch.document, {"ll": [{"x": "a"}]})  # bad
    await ctx.publish(ch.document, {"ll": [{"z": 1}]})  # bad
    await ctx.publish(ch.document, {"ln": [None]})  # bad
    await ctx.publish(ch.document, {"mm": {"a": None}})  # bad
    await ctx.publish(ch.document, {"uu": [1]})  # bad
    await ctx.publish(ch.document, {"mix": {"a": None}})  # bad
    await ctx.publish(ch.document, {"lo": {"y": 1}})  # bad
    await ctx.publish(ch.document, {"lo": [{"y": 1}]})  # bad
    await ctx.publish(ch.document, {"nn": ["a"]})  # bad
    await ctx.publish(ch.document, {"mo": {"z": {"y": 1}}})  # bad
    await ctx.publish(ch.document, {"lom": [{"z": 1}]})  # bad
    await ctx.publish(ch.document, {"deep": [1]})  # bad
    await ctx.publish(ch.document, {"deep": [[None]]})  # bad
    await ctx.publish(ch.document, {"lolo": [[{"y": 1}]]})  # bad
    await ctx.publish(ch.document, {"ml": {"a": [None]}})  # bad
    await ctx.publish(ch.document, {"nl": ["a"]})  # bad


async def variables(ctx: tightbeam.Context, client: tightbeam.Client) -> None:
    texts: list[str] = ["a"]
    numbers: list[float] = [1.5]
    await ctx.publish(ch.numbers, texts)  # bad
    await ctx.publish(ch.numbers, range(3))  # bad
    await ctx.publish(ch.numbers, b"ab")  # bad
    await ctx.publish(ch.numbers, (1, "a"))  # bad
    await ctx.publish(ch.ids, numbers)  # bad
    await ctx.publish(ch.ids, {UUID(int=1)})  # bad
    await ctx.publish(ch.grid, [b"ab"])  # bad
    await ctx.publish(ch.ids_by_name, {"a": numbers})  # bad

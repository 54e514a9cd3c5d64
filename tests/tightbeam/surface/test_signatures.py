"""Both engines, and `connect()` where it has the call, are called alike."""

from __future__ import annotations

import inspect
import typing
from typing import Any

import pytest

import tightbeam
import tightbeam.inngest
from tests.tightbeam.surface.conftest import make
from tightbeam import _context, _step
from tightbeam._engine import execution, steps_async, steps_sync
from tightbeam.inngest import _step as inngest_step

ON_INNGEST_ONLY = {
    ("token", "api_base_url"),
    ("token_sync", "api_base_url"),
}
"""Parameters of one engine, keyword-only and with a default."""


def shape(call: Any) -> list[tuple[str, object, object]]:
    """Name, kind and default of each parameter but ``self``."""
    parameters = inspect.signature(call).parameters.values()
    return [(each.name, each.kind, each.default) for each in parameters if each.name != "self"]


def calls_of(owner: Any, name: str) -> list[Any]:
    """The forms of a method, without those that are the SDK's; last what is called at run time."""
    method = getattr(owner, name)
    overloads = typing.get_overloads(method) if inspect.isfunction(method) else []
    ours = [each for each in overloads if "skip_middleware" not in inspect.signature(each).parameters]
    return [*([] if name == "run" else ours), method]


@pytest.mark.parametrize(
    "name", ["function", "send", "send_sync", "run", "lifespan", "__aenter__", "__aexit__"]
)
def test_clients(name: str) -> None:
    embedded = [shape(call) for call in calls_of(tightbeam.Client, name)]
    on_inngest = [
        [
            # The first parameter of `send` is called as the SDK calls it; the SDK's events may be so named.
            ("event", inspect.Parameter.POSITIONAL_ONLY, default)
            if each == "events"
            else (each, kind, default)
            for each, kind, default in shape(call)
        ]
        for call in calls_of(tightbeam.inngest.Client, name)
    ]
    assert on_inngest == embedded
    remote = type(make("connect"))
    if hasattr(remote, name):
        assert [shape(call) for call in calls_of(remote, name)] == embedded


@pytest.mark.parametrize("name", ["realtime", "functions", "runs"])
def test_properties(name: str) -> None:
    for cls in (tightbeam.Client, tightbeam.inngest.Client):
        assert isinstance(inspect.getattr_static(cls, name), property)


@pytest.mark.parametrize("name", ["publish", "publish_sync", "subscribe", "token", "token_sync"])
def test_realtime(name: str) -> None:
    embedded = inspect.signature(getattr(make("embedded").realtime, name))
    for other in ("inngest", "connect"):
        theirs = inspect.signature(getattr(make(other).realtime, name))
        extra = [each for each in theirs.parameters.values() if each.name not in embedded.parameters]
        assert all((name, each.name) in ON_INNGEST_ONLY and other == "inngest" for each in extra)
        assert all(each.kind is each.KEYWORD_ONLY and each.default is None for each in extra)
        common = [each for each in theirs.parameters.values() if each not in extra]
        assert theirs.replace(parameters=common) == embedded


@pytest.mark.parametrize(
    ("protocol", "implementations"),
    [
        (_context.Context.publish, [execution.RunContext.publish, tightbeam.inngest.Context.publish]),
        (
            _context.ContextSync.publish,
            [execution.RunContextSync.publish, tightbeam.inngest.ContextSync.publish],
        ),
        (
            _step.StepRealtime.publish,
            [steps_async.AsyncStepRealtime.publish, inngest_step.StepRealtime.publish],
        ),
        (
            _step.StepRealtimeSync.publish,
            [steps_sync.SyncStepRealtime.publish, inngest_step.StepRealtimeSync.publish],
        ),
        (_step.Step.run, [steps_async.AsyncStep.run]),
        (_step.StepSync.run, [steps_sync.SyncStep.run]),
        (_step.Step.sleep, [steps_async.AsyncStep.sleep]),
        (_step.StepSync.sleep, [steps_sync.SyncStep.sleep]),
    ],
)
def test_contexts(protocol: Any, implementations: list[Any]) -> None:
    for each in implementations:
        assert inspect.signature(each) == inspect.signature(protocol)


@pytest.mark.parametrize("name", ["run", "sleep"])
@pytest.mark.parametrize(
    ("protocol", "theirs"),
    [(_step.Step, inngest_step.RealtimeStep), (_step.StepSync, inngest_step.RealtimeStepSync)],
)
def test_steps_of_the_sdk_take_the_positional_form(protocol: type, theirs: type, name: str) -> None:
    """They have the SDK's names for their parameters, and one more keyword with a default."""
    ours = list(inspect.signature(getattr(protocol, name)).parameters.values())
    sdk = list(inspect.signature(getattr(theirs, name)).parameters.values())
    assert [each.kind for each in sdk[: len(ours)]] == [
        each.POSITIONAL_OR_KEYWORD if each.kind is each.POSITIONAL_ONLY else each.kind for each in ours
    ][:1] + [each.kind for each in sdk[1 : len(ours)]]
    inspect.Signature(sdk).bind(None, "id", len, *([] if name == "sleep" else ["argument"]))
    assert all(each.default is not each.empty for each in sdk[len(ours) :])


@pytest.mark.parametrize("name", ["send_event", "wait_for_event", "invoke"])
def test_steps_that_start_and_wait_take_the_same_keywords(name: str) -> None:
    """`v` is the SDK's own, the version of an event's data."""
    keywords = []
    for step in (
        steps_async.AsyncStep,
        steps_sync.SyncStep,
        inngest_step.RealtimeStep,
        inngest_step.RealtimeStepSync,
    ):
        parameters = inspect.signature(getattr(step, name)).parameters.values()
        keywords.append({each.name for each in parameters if each.kind is each.KEYWORD_ONLY})
    assert keywords[0] == keywords[1]
    assert keywords[2] == keywords[3]
    assert keywords[2] - keywords[0] == ({"v"} if name == "invoke" else set())
    assert keywords[0] <= keywords[2]


def public(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def test_what_a_handler_holds_has_the_surface_that_is_documented() -> None:
    """`ctx.step` has six names, and `realtime` is `publish`; on Inngest the SDK's besides."""
    import inngest

    assert (
        public(steps_async.AsyncStep)
        == public(steps_sync.SyncStep)
        == {
            "run",
            "sleep",
            "realtime",
            "send_event",
            "wait_for_event",
            "invoke",
        }
    )
    for ours, theirs in (
        (inngest_step.RealtimeStep, inngest.Step),
        (inngest_step.RealtimeStepSync, inngest.StepSync),
    ):
        assert public(ours) - public(theirs) == {"realtime"}
    for realtime in (
        steps_async.AsyncStepRealtime,
        steps_sync.SyncStepRealtime,
        inngest_step.StepRealtime,
        inngest_step.StepRealtimeSync,
    ):
        assert public(realtime) == {"publish"}
    for context, sdk in (
        (tightbeam.inngest.Context, inngest.Context),
        (tightbeam.inngest.ContextSync, inngest.ContextSync),
    ):
        assert public(context) - public(sdk) == {"publish"}
    for run_context in (execution.RunContext, execution.RunContextSync):
        assert public(run_context) == {"attempt", "publish"}  # the other three are set on the instance


def test_what_a_client_holds_has_the_surface_that_is_documented() -> None:
    import inngest

    shared = {"function", "functions", "lifespan", "realtime", "run", "runs", "send", "send_sync"}
    assert public(tightbeam.Client) == shared
    assert public(tightbeam.inngest.Client) - public(inngest.Inngest) == shared - {"send", "send_sync"}
    assert public(type(make("connect"))) == {"follow", "realtime", "runs", "send", "send_sync"}
    realtime = {"publish", "publish_sync", "subscribe", "token", "token_sync"}
    assert public(make("embedded").realtime) == public(make("connect").realtime) == realtime
    assert public(make("inngest").realtime) == realtime | {"close", "configure"}

"""`tightbeam.inngest.Client`: one of the SDK's, with the embedded client's ways added."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from datetime import timedelta
from typing import Any

import fastapi
import httpx
import inngest
import inngest.fast_api
import pytest

import tightbeam
import tightbeam.inngest
from generated.uploads import Result, Status, UploadsChannel, uploads_channel
from tests.tightbeam.inngest.calls import Run, app_of
from tests.tightbeam.inngest.standin import StandIn
from tightbeam.inngest import Client
from tightbeam.testing import Published

TRIGGER = inngest.TriggerEvent(event="app/upload")


async def upload(ctx: tightbeam.Context) -> Result:
    """A body for every engine."""

    async def store(name: str) -> Status:
        await ctx.publish(ch.status, {"message": "storing"})
        return Status(message=f"/files/{name}")

    ch = uploads_channel(upload_id=ctx.event.data["uploadId"])
    await ctx.publish(ch.status, {"message": "begun"})
    stored = await ctx.step.run("store", store, ctx.event.data["name"])
    await ctx.step.sleep("wait", timedelta(0))
    return await ctx.step.realtime.publish("done", ch.result, {"success": True, "url": stored.message})


DATA = {"uploadId": "u1", "name": "cat.png"}


async def test_one_body_on_both_engines(client: Client, server: StandIn, published: Published) -> None:
    embedded = tightbeam.Client()
    function = embedded.function("upload", on="app/upload")(upload)
    async with embedded:
        on_embedded = await embedded.run(function, DATA)
    durable_there = [one for one in published.messages if one.id is not None]
    published.clear()

    client.function("upload", on="app/upload")(upload)
    last = await Run(app_of(client, client.functions), "app-upload", DATA).finish()
    durable_here = [one for one in published.messages if one.id is not None]

    assert last.status == 200
    assert last.body == on_embedded.model_dump(mode="json") == {"success": True, "url": "/files/cat.png"}
    assert [one.data for one in durable_here] == [one.data for one in durable_there] == [last.body]
    assert str(durable_here[0].id).split(":")[1:] == str(durable_there[0].id).split(":")[1:] == ["done", "0"]
    assert server.requests == []  # the fixture records: no server is needed


def test_what_function_returns(client: Client) -> None:
    function = client.function("upload", on="app/upload", retries=2, concurrency=4)(upload)
    assert isinstance(function, inngest.Function)
    assert (function.id, function.local_id, function.__wrapped__) == ("app-upload", "upload", upload)
    assert (function.__doc__, function.__name__) == (upload.__doc__, "upload")
    assert client.functions == [function]
    config = function.get_config("http://app/api/inngest").main.model_dump(mode="json")
    assert config["steps"]["step"]["retries"] == {"attempts": 2}
    assert config["concurrency"][0]["limit"] == 4
    assert config["triggers"] == [{"event": "app/upload", "expression": None}]
    assert client.function("invoked")(upload).get_config("http://a").main.triggers == []


async def test_it_can_still_be_called_as_the_handler_it_was(client: Client) -> None:
    @client.function("f")
    async def later(ctx: tightbeam.Context) -> str:
        return ctx.run_id

    @client.function("g")
    def now(ctx: tightbeam.ContextSync) -> str:
        return ctx.run_id

    class Given:
        run_id = "r"

    given: Any = Given()
    assert (await later(given), now(given)) == ("r", "r")
    assert (later.is_handler_async, now.is_handler_async) == (True, False)


def test_what_the_embedded_client_refuses_is_refused(client: Client) -> None:
    client.function("taken")(upload)
    wrong: list[tuple[str, dict[str, Any], Any]] = [
        ("taken", {}, upload),
        ("", {}, upload),
        ("a", {"retries": -1}, upload),
        ("a", {"concurrency": 0}, upload),
        ("a", {}, 5),
        ("a", {}, (lambda ctx: (yield))),
    ]
    for fn_id, options, handler in wrong:
        with pytest.raises(tightbeam.EngineError):
            client.function(fn_id, **options)(handler)
    assert len(client.functions) == 1


@pytest.mark.parametrize("first", ["function", "create_function"])
@pytest.mark.parametrize(
    ("fn_id", "id", "on_failure"),
    [
        ("f", "f", None),
        ("f-failure", "f", "function"),
        ("f", "f-failure", "create_function"),
    ],
)
def test_two_ways_of_making_functions_have_one_namespace(
    client: Client, first: str, fn_id: str, id: str, on_failure: str | None
) -> None:
    """The SDK would serve one of the two, and say nothing."""

    async def failed(ctx: Any) -> None: ...

    def make(way: str) -> None:
        handler: Any = failed if way == on_failure else None
        if way == "function":
            client.function(id, on="app/x", on_failure=handler)(upload)
        else:
            client.create_function(fn_id=fn_id, trigger=TRIGGER, on_failure=handler)(other)

    async def other(ctx: Any) -> None: ...

    make(first)
    with pytest.raises(tightbeam.EngineError, match="there is already a function"):
        make("create_function" if first == "function" else "function")
    assert len(client.functions) == 1


async def test_results_must_fit_their_annotations_as_on_the_embedded_engine(client: Client) -> None:
    @client.function("f")
    async def body(ctx: tightbeam.Context) -> int:
        async def lies() -> int:
            return "text"  # type: ignore[return-value]  # what is tested

        return await ctx.step.run("s", lies)

    @client.function("g")
    async def not_json(ctx: tightbeam.Context) -> object:
        return object()

    @client.function("h")
    async def numbered(ctx: tightbeam.Context) -> None:
        await ctx.step.run("s:1", asyncio.sleep, 0)

    app = app_of(client, client.functions)
    for fn_id, name in (("app-f", "NotJson"), ("app-g", "NotJson"), ("app-h", "StepMisuse")):
        answer = await Run(app, fn_id).call()
        assert (answer.status, answer.no_retry, answer.body["name"]) == (500, True, name)


async def test_sending_by_name(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[inngest.Event, bool]] = []

    async def send(self: Any, events: Any, *, skip_middleware: bool = False) -> list[str]:
        sent.append((events, skip_middleware))  # the SDK never closes the connections it sends over
        return ["e1"]

    monkeypatch.setattr(inngest.Inngest, "send", send)
    assert await client.send("app/upload", {"uploadId": "u1"}) == ["e1"]
    assert await client.send(inngest.Event(name="app/other", data={"a": 1}), skip_middleware=True) == ["e1"]
    assert [(one.name, dict(one.data), skip) for one, skip in sent] == [
        ("app/upload", {"uploadId": "u1"}, False),
        ("app/other", {"a": 1}, True),
    ]
    wrong: Any = {"a": {1, 2}}
    with pytest.raises(tightbeam.NotJson):
        await client.send("app/upload", wrong)


async def test_run_says_why_not(client: Client) -> None:
    with pytest.raises(tightbeam.EngineError, match=r"embedded engine .* send an event"):
        await client.run(client.function("f")(upload))


async def test_served_with_its_lifespan(client: Client, server: StandIn, ch: UploadsChannel) -> None:
    client.function("upload", on="app/upload")(upload)
    app = fastapi.FastAPI(lifespan=client.lifespan)
    inngest.fast_api.serve(app, client, client.functions)
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
            shown = (await http.get("/api/inngest")).json()
        await client.realtime.publish(ch.status, {"message": "x"})
    assert shown["function_count"] == 1
    await asyncio.to_thread(server.until, lambda: server.open_now == 0, "connections were closed")


def test_it_takes_what_the_sdks_client_takes() -> None:
    ours = dict(inspect.signature(Client).parameters)
    assert {ours.pop("hooks").default, ours.pop("on_invalid_message").default} == {(), "raise"}
    theirs = inspect.signature(inngest.Inngest).parameters
    assert {name: (one.kind, one.default) for name, one in ours.items()} == {
        name: (one.kind, one.default) for name, one in theirs.items()
    }


def test_the_base_runtime_knows_nothing_of_it() -> None:
    code = "import sys, tightbeam, tightbeam.testing; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"inngest", "httptools", "websockets", "httpx"}
    assert "tightbeam.inngest" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("package", ["inngest", "httptools", "websockets"])
def test_without_the_extra_it_says_what_to_install(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; import tightbeam.inngest"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = done.stderr.splitlines()[-1]
    assert (
        said
        == f"ImportError: tightbeam.inngest needs the package {package}: pip install 'tightbeam[inngest]'"
    )


@pytest.mark.slow
def test_importing_it_loads_no_web_framework() -> None:
    code = "import sys, tightbeam.inngest; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"fastapi", "flask", "django"} & set(done.stdout.split())


def test_only_public_names_of_the_sdk_are_used() -> None:
    import re
    from pathlib import Path

    folder = Path(str(tightbeam.inngest.__file__)).parent
    sources = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
    assert len(sources) > 8
    for name, source in sources.items():
        for used in re.findall(r"\binngest\.([A-Za-z_]\w*)", source.replace("tightbeam.inngest.", "")):
            assert used in {*inngest.__all__, "fast_api", "experimental"}, (name, used)
        assert "inngest._internal" not in source, name
        assert not re.search(r"from inngest\b", source), name


def test_the_public_names() -> None:
    assert tightbeam.inngest.__all__ == sorted(tightbeam.inngest.__all__)
    for name in tightbeam.inngest.__all__:
        assert getattr(tightbeam.inngest, name).__doc__

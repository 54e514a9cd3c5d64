"""The guide's second function: an answer that is streamed token by token while it is made.

Run it: `python -m examples.pipeline`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import tightbeam
from generated.pipeline import PipelineChannel, pipeline_channel

client = tightbeam.Client()


async def search(question: str) -> list[str]:
    """Find what has to do with the question."""
    return [f"A page about {word}." for word in question.split() if len(word) > 3]


async def model(question: str, pages: list[str]) -> AsyncIterator[str]:
    """Stand in for a language model: one token after the other."""
    for token in (f"You ask: {question} ", "Read ", f"{len(pages)} pages."):
        yield token


async def stream(ctx: tightbeam.Context, ch: PipelineChannel, question: str, pages: list[str]) -> str:
    """Write the answer, and publish each token live as soon as it is there.

    The step runs again after a failure or a crash, and its tokens are published again. Index and attempt tell
    a reader that missed some of them where each one belongs. The attempt is a time, which is higher after a
    crash too: `ctx.attempt` counts failures only.
    """
    attempt = time.time_ns() // 1_000_000
    answer: list[str] = []
    async for token in model(question, pages):
        await ctx.publish(ch.tokens, {"token": token, "index": len(answer), "attempt": attempt})
        answer.append(token)
    return "".join(answer).strip()


@client.function("answer", on="app/question", retries=3)
async def answer(ctx: tightbeam.Context) -> str:
    """Answer a question. Publishing live works inside a step too; the last status is durable."""
    question = ctx.event.data["question"]
    ch = pipeline_channel(run_id=ctx.event.data["runId"])
    await ctx.publish(ch.status, {"message": "Searching…", "step": "search"})
    pages = await ctx.step.run("search", search, question)
    await ctx.publish(ch.status, {"message": "Writing…", "step": "write"})
    text = await ctx.step.run("write", stream, ctx, ch, question, pages)
    await ctx.step.realtime.publish("publish-done", ch.status, {"message": "Done."})
    return text


async def main() -> None:
    """Ask one question and print the answer as it comes."""
    async with client, client.realtime.subscribe(pipeline_channel(run_id="r1")) as subscription:
        await client.send("app/question", {"runId": "r1", "question": "What are channels good for?"})
        async for message in subscription:
            match message.topic:
                case "tokens":
                    print(message.data.token, end="", flush=True)
                case "status":
                    print(f"[{message.data.message}]")
                    if message.data.message == "Done.":
                        break


if __name__ == "__main__":
    asyncio.run(main())

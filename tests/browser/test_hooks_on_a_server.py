"""The hooks where there is no page: rendered on a server, as Next.js prerenders them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.browser.building import bindings, project, require_recipes, run_tool

pytestmark = pytest.mark.slow

SERVER = """
import { renderToString } from "react-dom/server";

import { useChannel } from "./channels/_useChannel";
import { useChannels } from "./channels/_useChannels";
import { alertsChannel } from "./channels/alerts";
import { ordersChannel } from "./channels/orders";

function One() {
  const { messages, run, connection } = useChannel(alertsChannel, { token: "/token", from: "latest" });
  return <p>{[messages.length, run.status, connection.state].join()}</p>;
}
function Many() {
  const channels = [ordersChannel({ region: "eu", orderId: 1 })];
  const { messages, connection } = useChannels(channels, { token: "/token" });
  return <p>{[messages.length, connection.state].join()}</p>;
}
globalThis.fetch = () => Promise.reject(new Error("nothing is fetched on a server"));
console.log(renderToString(<><One /><Many /></>));
"""


def test_they_render_as_connecting_and_ask_for_nothing(tmp_path: Path) -> None:
    require_recipes()
    config = json.dumps({"compilerOptions": {"jsx": "react-jsx"}})
    folder = project(tmp_path, bindings() | {"server.tsx": SERVER, "tsconfig.json": config})
    built = run_tool(folder, "vite", "build", "--ssr", "server.tsx", "--logLevel", "warn")
    assert built.returncode == 0, built.stdout + built.stderr
    done = run_tool(folder, "node", "dist/server.js")
    assert (done.stdout, done.stderr) == ("<p>0,unknown,connecting</p><p>0,connecting</p>\n", "")

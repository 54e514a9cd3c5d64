// The page: views, where the address leads, the connection, and the key if one is asked for.

import { address, here, linkTo } from "./address.js";
import * as api from "./api.js";
import { ChannelsView } from "./channels.js";
import { ConnectionsView } from "./connections.js";
import { button, fill, freshId, h } from "./dom.js";
import { Connection, Store } from "./feed.js";
import { MessagesView } from "./messages.js";
import { RunsView } from "./runs.js";

const main = document.getElementById("main");
const banner = document.getElementById("banner");
const state = document.getElementById("connection");

const store = new Store();
const openForm = async (channel, topic, json) => {
  const trouble = await views.channels.open(channel, topic, json);
  if (trouble === null) return;
  banner.hidden = false; // until something else is to be said
  fill(banner, trouble);
};
const views = {
  messages: new MessagesView(store, openForm),
  runs: new RunsView(openForm),
  connections: new ConnectionsView(),
  channels: new ChannelsView((wanted) => {
    linkTo("messages").click();
    views.messages.reveal(wanted);
  }),
};
let current = null;

const connection = new Connection(store, (what) => {
  if (what === "messages") views.messages.touch();
  if (what === "run") views.runs.hint();
  if (what === "state") showState();
});

function showState() {
  state.dataset.state = connection.state;
  state.textContent = connection.state;
  banner.hidden = connection.trouble === null;
  if (connection.trouble !== null) {
    const again = button("Try now", () => connection.hurry(), { class: "quiet" });
    fill(banner, `${connection.trouble} Trying again…`, again);
  }
  if (connection.state === "locked") askForKey();
  if (connection.state === "live") {
    views.channels.load();
    go();
  }
}

function askForKey() {
  const id = freshId("key");
  const input = h("input", { type: "password", id, autocomplete: "off", required: true });
  const said = h("p.error", { role: "alert" });
  const form = h(
    "form.card.key",
    h("h1", "This inspector is locked"),
    h("p", "It takes the gateway's server key. The key stays in this page and is forgotten with it."),
    h("label", { for: id }, "Server key"),
    input,
    said,
    h("button.primary", { type: "submit" }, "Unlock"),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    api.useKey(input.value);
    try {
      await api.channels();
    } catch (error) {
      said.textContent = error instanceof api.Refused && error.status === 401 ? "That isn't the key." : error.message;
      input.select();
      return;
    }
    connection.hurry();
  });
  current?.leave();
  current = null;
  fill(main, form);
  input.focus();
}

function go() {
  if (connection.state === "locked") return;
  const { view: name, parts, query } = here();
  const view = Object.hasOwn(views, name) ? name : "messages";
  linkTo(view).href = address([view], Object.fromEntries(query)); // so that it leads back to what is filtered
  for (const link of document.querySelectorAll(".bar nav a")) {
    if (link === linkTo(view)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${view[0].toUpperCase()}${view.slice(1)} · Tightbeam inspector`;
  if (current !== views[view]) {
    current?.leave();
    current = views[view];
    fill(main, current.root);
  }
  current.enter(parts, query);
}

document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.closest("input, textarea, select") !== null;
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && connection.state !== "locked") {
    event.preventDefault();
    location.hash = linkTo("messages").hash;
    go();
    views.messages.focusFilter();
  }
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", go);
views.messages.start();
go();
showState();
connection.keepOpen();

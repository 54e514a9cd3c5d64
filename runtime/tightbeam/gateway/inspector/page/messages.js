// The view of live messages: a list that follows, a filter, a pause, and one message in full.

import { button, clock, copyButton, count, fill, h, jsonBlock, size } from "./dom.js";
import { compileFilter } from "./feed.js";
import { VirtualList } from "./list.js";

export class MessagesView {
  #store;
  #list;
  #detail = h("aside", { class: "detail", "aria-label": "The selected message", hidden: true });
  #counts = h("p", { class: "counts" });
  #pause;
  #newest;
  #search;
  #empty;
  #dirty = true;

  constructor(store) {
    this.#store = store;
    this.#list = new VirtualList("Messages", () => store.shown, drawRow, (entry) => this.#show(entry));
    this.#list.onscroll = () => this.touch();
    this.#search = h("input", {
      type: "search",
      placeholder: "Filter: words, topic:result, -not",
      "aria-label": "Filter messages",
      autocomplete: "off",
      spellcheck: "false",
      on: { input: () => this.filter(this.#search.value) },
    });
    this.#pause = button("Pause", () => this.#togglePause(), { "aria-pressed": "false", class: "pause" });
    this.#newest = button("Newest ↓", () => this.#toNewest(), { class: "newest", hidden: true });
    this.#empty = h("div", { class: "empty", hidden: true });
    const clear = button("Clear", () => this.#clear(), { class: "quiet" });
    const tools = h("div", { class: "tools" }, this.#search, this.#pause, clear, this.#counts);
    const columns = h(
      "div",
      { class: "columns", "aria-hidden": "true" },
      ["Time", "Channel", "Topic", "Data"].map((name) => h("span", {}, name)),
    );
    const listing = h("div", { class: "listing" }, columns, this.#list.root, this.#empty, this.#newest);
    const body = h("div", { class: "split" }, listing, this.#detail);
    this.root = h("section", { class: "view messages", "aria-label": "Messages" }, tools, body);
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.#list.root.addEventListener("keydown", (event) => this.#listKey(event));
    new ResizeObserver(() => {
      this.#list.measure();
      this.touch();
    }).observe(this.#list.root);
  }

  enter() {
    this.#list.measure();
    this.touch();
  }

  leave() {}

  /** Something changed: draw at the next frame, once. */
  touch() {
    if (!this.#dirty) requestAnimationFrame(() => this.#render());
    this.#dirty = true;
  }

  /** Show only what has these words. */
  filter(text) {
    if (this.#search.value !== text) this.#search.value = text;
    this.#store.filter(compileFilter(text));
    this.#list.following = true;
    this.touch();
  }

  focusFilter() {
    this.#search.focus();
    this.#search.select();
  }

  start() {
    this.#dirty = false;
    this.touch();
  }

  #render() {
    this.#dirty = false;
    if (!this.root.isConnected) return;
    const store = this.#store;
    this.#list.render(store.gone);
    const parts = [`${count(store.received)} ${store.received === 1 ? "message" : "messages"}`];
    if (store.shown.length !== store.kept) parts.push(`${count(store.shown.length)} shown`);
    if (store.waiting > 0) parts.push(`${count(store.waiting)} waiting`);
    fill(this.#counts, parts.join(" · "), h("span", { class: "dropped", hidden: store.dropped === 0 }, ` · ${count(store.dropped)} dropped`));
    this.#newest.hidden = this.#list.following || store.shown.length === 0;
    this.#empty.hidden = store.shown.length > 0;
    if (!this.#empty.hidden) {
      const filtered = store.kept > 0;
      fill(
        this.#empty,
        h("p", { class: "title" }, filtered ? "Nothing passes the filter" : "No messages yet"),
        filtered
          ? button("Show all", () => this.filter(""))
          : h("p", {}, "They appear here as they are published. Or ", h("a", { href: "#/channels" }, "publish a test message"), "."),
      );
    }
  }

  #togglePause() {
    const paused = !this.#store.paused;
    this.#store.pause(paused);
    this.#pause.textContent = paused ? "Resume" : "Pause";
    this.#pause.setAttribute("aria-pressed", String(paused));
    this.root.classList.toggle("paused", paused);
    this.touch();
  }

  #toNewest() {
    this.#list.following = true;
    this.#list.root.focus();
    this.touch();
  }

  #clear() {
    this.#store.clear();
    this.#close();
  }

  #listKey(event) {
    if (event.key === " ") {
      event.preventDefault();
      this.#togglePause();
    } else if (event.key === "Enter" && this.#list.selected !== null) {
      event.preventDefault();
      this.#detail.querySelector("pre")?.focus();
    }
  }

  #key(event) {
    if (event.key !== "Escape" || this.#detail.hidden) return;
    event.preventDefault();
    this.#close();
  }

  #close() {
    this.#list.selected = null;
    this.#detail.hidden = true;
    this.#list.root.focus();
    this.touch();
  }

  #show(entry) {
    if (entry.note !== null) {
      this.#detail.hidden = true;
      return;
    }
    const facts = [
      ["Channel", h("code", {}, entry.channel)],
      ["Published", `${clock(entry.time)}, ${entry.position === null ? "live" : "durable"}`],
      entry.runId === null ? null : ["Run", h("a", { href: `#/runs/${encodeURIComponent(entry.runId)}` }, h("code", {}, entry.runId))],
      entry.id === null ? null : ["Message", h("code", {}, entry.id)],
      ["Frame", size(new Blob([entry.line]).size)],
    ].filter((fact) => fact !== null);
    fill(
      this.#detail,
      h(
        "header",
        {},
        h("h2", {}, entry.topic),
        copyButton("Copy data", () => JSON.stringify(entry.data, null, 2)),
        copyButton("Copy frame", () => entry.line),
        button("✕", () => this.#close(), { class: "quiet close", "aria-label": "Close" }),
      ),
      h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
      jsonBlock(entry.data, "Data"),
    );
    this.#detail.hidden = false;
  }
}

function drawRow(row, entry) {
  if (entry.note !== null) {
    row.className = "row note";
    fill(row, h("span", { class: "time" }, clock(entry.time)), h("span", { class: "words" }, entry.note));
    return;
  }
  row.className = entry.position === null ? "row" : "row durable";
  fill(
    row,
    h("span", { class: "time" }, clock(entry.time)),
    h("span", { class: "channel" }, entry.channel),
    h("span", { class: "topic" }, entry.topic),
    h("span", { class: "data" }, entry.preview),
  );
}

// The view of live messages: a list that follows, a filter, a pause, and one message in full.

import { address, linkToMessages, refine } from "./address.js";
import { button, clock, copyButton, count, factList, fill, h, jsonBlock, plural, size } from "./dom.js";
import { MAX_WAITING, compileFilter } from "./feed.js";
import { layout } from "./json.js";
import { VirtualList } from "./list.js";

export class MessagesView {
  #store;
  #list;
  #detail = h("aside.detail", { "aria-label": "The selected message", hidden: true });
  #counts = h("p.counts");
  #pause;
  #newest;
  #search;
  #empty;
  #dirty = true;
  #wanted = null;
  #openForm;

  /** `openForm(channel, topic, json)` opens a message in the form of its topic. */
  constructor(store, openForm) {
    this.#store = store;
    this.#openForm = openForm;
    this.#list = new VirtualList("Messages", () => store.shown, drawRow, (entry) => this.#show(entry));
    this.#list.onscroll = () => this.touch();
    this.#search = h("input", {
      type: "search",
      placeholder: 'Filter: words, "a phrase", topic:result, -not, or',
      "aria-label": "Filter messages",
      autocomplete: "off",
      spellcheck: "false",
      on: { input: () => this.#refine(this.#search.value) },
    });
    this.#pause = button("Pause", () => this.#togglePause(), { "aria-pressed": "false", class: "pause" });
    this.#newest = button("Newest ↓", () => this.#toNewest(), { class: "newest", hidden: true });
    this.#empty = h("div.empty", { hidden: true });
    const clear = button("Clear", () => this.#clear(), { class: "quiet" });
    const tools = h("div.tools", this.#search, this.#pause, clear, this.#counts);
    const columns = h(
      "div.columns", { "aria-hidden": "true" },
      ["Time", "Channel", "Topic", "Data"].map((name) => h("span", name)),
    );
    const listing = h("div.listing", columns, this.#list.root, this.#empty, this.#newest);
    const body = h("div.split", listing, this.#detail);
    this.root = h("section.view.messages", { "aria-label": "Messages" }, h("h1.sr", "Messages"), tools, body);
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.#list.root.addEventListener("keydown", (event) => this.#listKey(event));
    new ResizeObserver(() => {
      this.#list.measure();
      this.touch();
    }).observe(this.#list.root);
  }

  enter(_parts, query) {
    const text = query.get("filter") ?? "";
    if (text !== this.#search.value) this.filter(text);
    this.#list.measure();
    this.touch();
  }

  leave() {
    this.#wanted = null;
  }

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

  #refine(text) {
    this.filter(text);
    refine("messages", [], { filter: text });
  }

  /** Show the newest message that is as wanted, as soon as it is there. */
  reveal(wanted) {
    this.#wanted = wanted;
    if (this.#store.paused) this.#togglePause();
    this.#list.following = true;
    this.touch();
  }

  #find() {
    const found = this.#wanted === null ? null : this.#store.find(this.#wanted);
    if (found === null) return;
    this.#wanted = null;
    if (!this.#store.passes(found)) this.#refine("");
    this.#list.select(found);
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
    this.#find();
    const store = this.#store;
    this.#list.render(store.gone);
    const total = plural(store.total, "message");
    const parts = [store.evicted > 0 ? `${count(store.kept)} of ${count(store.total)} kept` : total];
    if (store.passing !== store.kept) parts.push(`${count(store.passing)} shown`);
    if (store.paused) parts.push(`${count(store.waiting)} waiting, at most ${count(MAX_WAITING)}`);
    fill(this.#counts, parts.join(" · "), h("span.dropped", { hidden: store.dropped === 0 }, ` · ${count(store.dropped)} dropped`));
    this.#newest.hidden = this.#list.following || store.shown.length === 0;
    this.#empty.hidden = store.shown.length > 0;
    if (!this.#empty.hidden) {
      const filtered = store.kept > 0;
      fill(
        this.#empty,
        h("p.title", filtered ? "Nothing passes the filter" : "No messages yet"),
        filtered && store.evicted > 0
          ? h("p", `The page has let go of ${count(store.evicted)} messages: those can't be found any more.`)
          : null,
        filtered
          ? button("Show all", () => this.#refine(""))
          : h("p", "They appear here as they are published. Or ", h("a", { href: "#/channels" }, "publish a test message"), "."),
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
      ["Channel", h("code", entry.channel)],
      ["Published", `${clock(entry.time)}, ${entry.position === null ? "live" : "durable"}`],
      entry.runId === null
        ? null
        : ["Run", h("a", { href: address(["runs", entry.runId]) }, h("code", entry.runId)), " · ", linkToMessages(entry.runId, "only its messages")],
      entry.id === null ? null : ["Message", h("code", entry.id)],
      ["Frame", size(new Blob([entry.line]).size)],
    ];
    fill(
      this.#detail,
      h(
        "header",
        h("h2", entry.topic),
        button("✕", () => this.#close(), { class: "quiet close", "aria-label": "Close" }),
        h(
          "div.actions",
          button("Open in form", () => this.#openForm(entry.channel, entry.topic, entry.data), { class: "quiet" }),
          copyButton("Copy data", () => layout(entry.data)),
          copyButton("Copy frame", () => entry.line),
        ),
      ),
      factList(facts),
      jsonBlock(entry.data, "Data"),
    );
    this.#detail.hidden = false;
  }
}

function drawRow(row, entry) {
  if (entry.note !== null) {
    row.className = "row note";
    fill(row, h("span.time", clock(entry.time)), h("span.words", entry.note));
    return;
  }
  row.className = entry.position === null ? "row" : "row durable";
  fill(
    row,
    h("span.time", clock(entry.time)),
    h("span.channel", entry.channel),
    h("span.topic", entry.topic),
    h("span.data", entry.preview),
  );
}

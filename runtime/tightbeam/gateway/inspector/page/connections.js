// The view of connections: who reads which channel, and what was refused with cause and remedy.

import * as api from "./api.js";
import { count, fill, h, moment } from "./dom.js";

const EVERY_MS = 3_000;

export class ConnectionsView {
  #readers = h("div", {});
  #refused = h("div", {});
  #open = new Set();
  #lists = new Map();
  #timer = 0;
  #inside = false;
  #drawn = "";

  constructor() {
    this.root = h(
      "section",
      { class: "view connections", "aria-label": "Connections" },
      h("h1", { class: "offscreen" }, "Connections"),
      h("div", { class: "parts" }, this.#readers, this.#refused),
    );
    document.addEventListener("visibilitychange", () => this.#refresh());
  }

  enter() {
    this.#inside = true;
    this.#refresh();
  }

  leave() {
    this.#inside = false;
    clearTimeout(this.#timer);
  }

  async #refresh() {
    clearTimeout(this.#timer);
    if (!this.#inside || document.hidden) return;
    let found = null;
    let trouble = null;
    try {
      found = await api.connections();
      const lists = await Promise.all([...this.#open].map((name) => api.connections(name)));
      this.#lists = new Map(lists.map((one) => [one.channel, one]));
    } catch (error) {
      trouble = error.message;
    }
    if (!this.#inside) return;
    if (found !== null) this.#draw(found);
    else if (this.#drawn === "") fill(this.#readers, h("p", { class: "empty" }, trouble));
    clearTimeout(this.#timer); // of a refresh at the same time
    this.#timer = setTimeout(() => this.#refresh(), EVERY_MS);
  }

  #draw(found) {
    const text = JSON.stringify([found, [...this.#lists], [...this.#open]]);
    if (text === this.#drawn) return;
    this.#drawn = text;
    const focused = document.activeElement?.closest?.(".connections [data-channel]")?.dataset.channel;
    const { channels, more_channels: more } = found;
    fill(
      this.#readers,
      h("h2", {}, "Subscribers", h("span", { class: "sum" }, sum(found))),
      channels.length === 0
        ? h("div", { class: "empty" }, h("p", { class: "title" }, "Nobody is connected"), h("p", {}, "Pages and programs that subscribe to a channel appear here."))
        : h("ul", { class: "readers" }, channels.map((one) => h("li", {}, this.#channel(one)))),
      more > 0 ? h("p", { class: "none" }, `and ${count(more)} more channels with fewer readers`) : null,
    );
    fill(
      this.#refused,
      h("h2", {}, "Refused", h("span", { class: "sum" }, found.refused.length === 0 ? "" : plural(found.refused.length, "reason"))),
      found.refused.length === 0
        ? h("div", { class: "empty" }, h("p", { class: "title" }, "Nothing was refused"), h("p", {}, "Connections and publishes that the gateway turns down appear here, with the remedy."))
        : h("ul", { class: "refusals" }, found.refused.map(refusal)),
    );
    if (focused !== undefined) this.#readers.querySelector(`[data-channel="${CSS.escape(focused)}"] summary`)?.focus();
  }

  #channel(one) {
    const { channel: name } = one;
    const topics = Object.entries(one.topics).map(([topic, number]) =>
      h("span", { class: "topic" }, topic, number === one.readers ? null : h("small", {}, ` ${count(number)}`)),
    );
    const toggle = (event) => {
      const { open } = event.currentTarget;
      if (open === this.#open.has(name)) return; // it was drawn like that
      if (open) this.#open.add(name);
      else this.#open.delete(name);
      this.#refresh();
    };
    return h(
      "details",
      { open: this.#open.has(name), data: { channel: name }, on: { toggle } },
      h(
        "summary",
        {},
        h("code", {}, name),
        h("span", { class: "number" }, plural(one.readers, "reader")),
        h("span", { class: "topics" }, topics),
        warnings(one),
      ),
      this.#list(this.#lists.get(name)),
    );
  }

  #list(found) {
    if (found === undefined) return h("p", { class: "none" }, "…");
    return h(
      "ul",
      {},
      found.readers.map((one) =>
        h(
          "li",
          {},
          h("span", {}, one.origin ?? "no page"),
          h("span", { class: "how" }, one.transport === "sse" ? "SSE" : "WebSocket"),
          h("span", { class: "how" }, `since ${moment(new Date(one.opened_at))}`),
          h("span", { class: "how" }, one.topics.join(", ")),
          one.channels > 1 ? h("span", { class: "how" }, `${one.channels} channels`) : null,
          warnings(one),
        ),
      ),
      found.more_readers > 0 ? h("li", {}, `and ${count(found.more_readers)} more`) : null,
    );
  }
}

function sum({ streams, channels, more_channels: more }) {
  return streams === 0 ? "" : `${plural(streams, "connection")}, ${plural(channels.length + more, "channel")}`;
}

function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** What a reader, or the readers of a channel, suffer from. */
function warnings({ slow, dropped }) {
  return [
    slow ? h("span", { class: "badge", data: { state: "retrying" } }, slow === true ? "slow" : `${count(slow)} slow`) : null,
    dropped > 0 ? h("span", { class: "badge", data: { state: "retrying" } }, `${count(dropped)} dropped`) : null,
  ];
}

function refusal(one) {
  return h(
    "li",
    {},
    h("p", { class: "who" }, h("strong", {}, one.who), h("code", {}, one.code)),
    h("p", {}, one.cause),
    one.remedy === "" ? null : h("p", { class: "remedy" }, one.remedy),
    h(
      "p",
      { class: "how" },
      one.count === 1 ? "once, " : `${count(one.count)} ×, last `,
      moment(new Date(one.last_at)),
      one.others ? "; of many kinds, this is the last" : null,
    ),
  );
}

// The view of connections: who reads which channel, and what was refused with cause and remedy.

import * as api from "./api.js";
import { capitalized, count, fill, h, moment, plural, prose } from "./dom.js";

export class ConnectionsView {
  #readers = h("div");
  #refused = h("div");
  #open = new Set();
  #timer = 0;
  #inside = false;
  #drawn = "";

  constructor() {
    this.root = h("section.view.connections", h("h1.sr", "Connections"), this.#readers, this.#refused);
    document.addEventListener("visibilitychange", () => this.#refresh());
  }

  enter() {
    this.#inside = true;
    this.#refresh();
  }

  leave() {
    this.#inside = false;
  }

  async #refresh() {
    if (!this.#inside || document.hidden) return;
    try {
      const [found, ...lists] = await Promise.all([undefined, ...this.#open].map(api.connections));
      this.#draw(found, new Map(lists.map((one) => [one.channel, one])));
    } catch (error) {
      if (this.#drawn === "") fill(this.#readers, h("p.empty", error.message));
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refresh(), 3_000);
  }

  #draw(found, lists) {
    const text = JSON.stringify([found, [...lists]]);
    if (text === this.#drawn) return;
    this.#drawn = text;
    const { channels, more_channels: more, refused, streams } = found;
    const focused = document.activeElement?.closest?.(".connections summary")?.id;
    fill(
      this.#readers,
      h("h2", "Subscribers", h("small", `${plural(streams, "connection")}, ${plural(channels.length + more, "channel")}`)),
      channels.length === 0 ? h("p.empty", "Nobody is connected.") : null,
      channels.map((one) => this.#channel(one, lists.get(one.channel))),
      more > 0 ? h("p", `and ${plural(more, "channel")} with fewer readers`) : null,
    );
    fill(
      this.#refused,
      h("h2", "Refused", h("small", plural(refused.length, "reason"))),
      refused.length === 0 ? h("p.empty", "Nothing was refused.") : h("ul", refused.map(refusal)),
    );
    if (focused) document.getElementById(focused)?.focus();
  }

  #channel(one, list) {
    const { channel: name, readers } = one;
    const toggle = (event) => {
      const { open } = event.currentTarget;
      if (open === this.#open.has(name)) return; // it was drawn like that
      this.#open[open ? "add" : "delete"](name);
      this.#refresh();
    };
    const topics = Object.entries(one.topics).map(([topic, number]) => h("span.topic", number === readers ? topic : `${topic} ${count(number)}`));
    return h(
      "details.card", { open: this.#open.has(name), on: { toggle } },
      h("summary", { id: `of ${name}` }, h("code", name), h("span.number", plural(readers, "reader")), warnings(one), h("small", topics)),
      list === undefined ? null : h("ul", list.readers.map(reader), list.more_readers > 0 ? h("li", `and ${count(list.more_readers)} more`) : null),
    );
  }
}

/** What a reader, or the readers of a channel, suffer from. */
function warnings({ slow, dropped }) {
  const texts = [slow ? (slow === true ? "slow" : `${count(slow)} slow`) : null, dropped > 0 ? `${count(dropped)} dropped` : null];
  return texts.map((text) => text && h("span.badge", { data: { state: "retrying" } }, text));
}

function reader(one) {
  const facts = [one.transport, `since ${moment(new Date(one.opened_at))}`, one.topics.join(", "), one.channels > 1 ? `${one.channels} channels` : null];
  return h("li", one.origin ?? "no page", facts.map((fact) => fact && h("small", fact)), warnings(one));
}

function refusal(one) {
  return h(
    "li.card",
    h("h3", capitalized(one.who), h("code", one.code)),
    h("p", prose(capitalized(one.cause))),
    one.remedy === "" ? null : h("p.remedy", prose(capitalized(one.remedy))),
    h("small", one.count === 1 ? "once, " : `${count(one.count)} ×, last `, moment(new Date(one.last_at)), one.others ? "; the last of many kinds" : null),
  );
}

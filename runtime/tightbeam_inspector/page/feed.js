// Messages: the connection that brings them, and the bounded store that keeps the latest.

import { Refused, lines } from "./api.js";
import { valueAt } from "./json.js";

const MAX_MESSAGES = 10_000;
const MAX_CHARACTERS = 24 * 1024 * 1024;
/** How many messages wait at most while the list is paused. */
export const MAX_WAITING = 2_000;
const SILENCE_MS = 40_000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
const DATA_AT = '{"kind":"data","data":'.length;
const PREVIEW = 300;

/** A queue whose front can be taken off without moving the rest. */
class Queue {
  #items = [];
  #start = 0;

  get length() {
    return this.#items.length - this.#start;
  }

  at(index) {
    return this.#items[this.#start + index];
  }

  push(item) {
    this.#items.push(item);
  }

  shift() {
    const item = this.#items[this.#start];
    this.#items[this.#start] = undefined;
    this.#start += 1;
    if (this.#start > 2048 && this.#start * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    }
    return item;
  }

  indexOf(item) {
    const found = this.#items.indexOf(item, this.#start);
    return found === -1 ? -1 : found - this.#start;
  }

  *[Symbol.iterator]() {
    for (let index = this.#start; index < this.#items.length; index += 1) yield this.#items[index];
  }
}

/** One message; or a note, a line that says what isn't there. */
class Entry {
  #haystack = null;
  #preview = null;

  constructor(line, frame) {
    this.line = line;
    this.channel = frame.channel;
    this.topic = frame.topic;
    this.runId = frame.run_id ?? null;
    this.position = frame.metadata?.position ?? null;
    this.id = frame.metadata?.id ?? null;
    this.time = new Date(frame.created_at);
    this.note = null;
  }

  /** The data, JSON, as it came. */
  get data() {
    return valueAt(this.line, DATA_AT);
  }

  /** The beginning of the data, in one line. */
  get preview() {
    this.#preview ??= this.line.length > 4 * PREVIEW ? this.line.slice(DATA_AT, DATA_AT + PREVIEW) : this.data.slice(0, PREVIEW);
    return this.#preview;
  }

  /** What a filter looks through: the frame's data and metadata as they came, then where it went. */
  get haystack() {
    this.#haystack ??= this.line.slice(DATA_AT, this.line.lastIndexOf(',"created_at":')).toLowerCase();
    return this.#haystack;
  }
}

function note(text) {
  return { note: text, line: text, time: new Date() };
}

// A phrase in quotes, or a word, in which a quote is a character.
const TERM = /-?(?:(?:channel|topic|run):)?(?:"(?:[^"\\]|\\.)*"(?=\s|$)|"(?:[^"\\]|\\.)*$)|\S+/gs;

/** Words and phrases that must all be found, or those after an "or"; `channel:` and such say where, a minus says "not". */
export function compileFilter(text) {
  const ways = [[]];
  for (const [term] of text.toLowerCase().matchAll(TERM)) {
    if (term === "or") ways.push([]);
    else if (term !== "-") ways.at(-1).push(compileTerm(term));
  }
  const some = ways.filter((tests) => tests.length > 0);
  if (some.length === 0) return null;
  return (entry) => entry.note !== null || some.some((tests) => tests.every((test) => test(entry)));
}

function compileTerm(term) {
  const not = term.startsWith("-");
  const [, place, said] = /^(?:(channel|topic|run):)?(.*)$/s.exec(not ? term.slice(1) : term);
  const rest = /^"((?:[^"\\]|\\.)*)"?$/s.exec(said)?.[1] ?? said;
  const plain = rest.replaceAll('\\"', '"'); // JSON's own quotes, not only those in a text
  const has = (text) => text.includes(rest) || text.includes(plain);
  const field = { channel: "channel", topic: "topic", run: "runId" }[place];
  const found = (entry) =>
    field === undefined
      ? has(`${entry.channel} ${entry.topic} ${entry.runId ?? ""}`.toLowerCase()) || has(entry.haystack)
      : has((entry[field] ?? "").toLowerCase());
  return (entry) => found(entry) !== not;
}

const isMessage = (entry) => entry.note === null;

/** The latest messages, and those of them that pass the filter, with notes, which aren't counted. */
export class Store {
  #all = new Queue();
  #characters = 0;
  #waiting = new Queue();
  #test = null;
  shown = new Queue();
  /** Messages since the page was opened or cleared, whatever has become of them. */
  total = 0;
  /** Those in the list, those that pass its filter, and those that wait while it is paused. */
  kept = 0;
  passing = 0;
  waiting = 0;
  /** Those that were never in the list: let go by the gateway, or here while paused. */
  dropped = 0;
  /** How many have left the front of `shown`, ever: for scrolling along. */
  gone = 0;
  paused = false;

  /** Messages that were let go of: they can't be found any more. */
  get evicted() {
    return this.total - this.kept - this.waiting;
  }

  add(entry) {
    this.total += isMessage(entry);
    if (!this.paused) {
      this.#keep(entry);
      return;
    }
    this.#waiting.push(entry);
    this.waiting += isMessage(entry);
    while (this.waiting > MAX_WAITING) {
      const gone = isMessage(this.#waiting.shift());
      this.waiting -= gone;
      this.dropped += gone;
    }
  }

  passes(entry) {
    return this.#test === null || this.#test(entry);
  }

  /** The newest message that is as wanted. */
  find(wanted, latest = 500) {
    for (let index = this.#all.length - 1; index >= Math.max(0, this.#all.length - latest); index -= 1) {
      const entry = this.#all.at(index);
      if (isMessage(entry) && wanted(entry)) return entry;
    }
    return null;
  }

  #keep(entry) {
    this.#all.push(entry);
    this.kept += isMessage(entry);
    this.#characters += entry.line.length;
    this.#show(entry);
    while (this.#all.length > MAX_MESSAGES || (this.#characters > MAX_CHARACTERS && this.#all.length > 1)) {
      const oldest = this.#all.shift();
      this.#characters -= oldest.line.length;
      this.kept -= isMessage(oldest);
      if (this.shown.at(0) === oldest) {
        this.shown.shift();
        this.passing -= isMessage(oldest);
        this.gone += 1;
      }
    }
  }

  #show(entry) {
    if (!this.passes(entry)) return;
    this.shown.push(entry);
    this.passing += isMessage(entry);
  }

  lost(number) {
    this.dropped += number;
    this.total += number;
    this.add(note(`${number.toLocaleString("en-GB")} ${number === 1 ? "message was" : "messages were"} not shown: more came than this page could take`));
  }

  remark(text) {
    this.add(note(text));
  }

  pause(paused) {
    this.paused = paused;
    if (paused) return;
    this.waiting = 0;
    while (this.#waiting.length > 0) this.#keep(this.#waiting.shift());
  }

  filter(test) {
    this.#test = test;
    this.shown = new Queue();
    this.passing = 0;
    for (const entry of this.#all) this.#show(entry);
  }

  clear() {
    this.#all = new Queue();
    this.#characters = 0;
    this.shown = new Queue();
    this.kept = this.passing = this.dropped = this.gone = 0;
    this.total = this.waiting;
  }
}

/** Keeps a stream of messages open, and resumes after the last durable one when it broke. */
export class Connection {
  #store;
  #changed;
  #position = null;
  #retry = FIRST_RETRY_MS;
  #wake = () => {};
  state = "connecting";
  /** Why it isn't live, for people. */
  trouble = null;

  /** `changed(what)` is called with "state", "messages" or "run". */
  constructor(store, changed) {
    this.#store = store;
    this.#changed = changed;
  }

  /** Try again now. */
  hurry() {
    this.#wake();
  }

  async keepOpen() {
    for (;;) {
      try {
        await this.#stream();
        this.#turn("reconnecting", "The gateway has closed the connection.");
      } catch (error) {
        if (error instanceof Refused && error.status === 401) {
          this.#turn("locked", null);
          await new Promise((resolve) => {
            this.#wake = resolve;
          });
          continue;
        }
        this.#turn("reconnecting", error instanceof Refused ? error.message : "The gateway can't be reached.");
      }
      const jittered = this.#retry * (0.75 + Math.random() / 2);
      this.#retry = Math.min(this.#retry * 2, LAST_RETRY_MS);
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, jittered);
      });
    }
  }

  async #stream() {
    const controller = new AbortController();
    let watchdog = 0;
    const rewind = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => controller.abort(), SILENCE_MS);
    };
    rewind();
    try {
      for await (const batch of lines(this.#position, controller.signal)) {
        rewind();
        let told = false;
        for (const line of batch) told = this.#take(line) || told;
        this.#changed("messages");
        if (told) this.#changed("run");
      }
    } finally {
      clearTimeout(watchdog);
      controller.abort();
    }
  }

  /** One line; whether it has to do with a run. */
  #take(line) {
    const frame = JSON.parse(line);
    if (frame.kind === "data") {
      const entry = new Entry(line, frame);
      if (entry.position !== null) this.#position = entry.position;
      this.#store.add(entry);
      return entry.runId !== null;
    }
    if (frame.kind === "dropped") {
      this.#store.lost(frame.count);
    } else if (frame.kind === "open") {
      this.#opened(frame);
    }
    return frame.kind === "run";
  }

  #opened(frame) {
    if (frame.reset) {
      this.#store.remark("Connected again, to another journal: what was published in between isn't known.");
      this.#position = null;
    } else if (this.state === "reconnecting") {
      this.#store.remark("Connected again: durable messages from in between follow, live ones are lost.");
    }
    this.#position ??= frame.position;
    this.#retry = FIRST_RETRY_MS;
    this.#turn("live", null);
  }

  #turn(state, trouble) {
    if (this.state === state && this.trouble === trouble) return;
    this.state = state;
    this.trouble = trouble;
    this.#changed("state");
  }
}

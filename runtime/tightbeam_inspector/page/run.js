// The page of one run: its event, its steps over time, its result or error, its messages.

import { RunActions } from "./actions.js";
import { linkToMessages } from "./address.js";
import { button, clock, copyButton, duration, factList, fill, h, moment, size } from "./dom.js";
import { stored } from "./stored.js";

const OVER = new Set(["done", "failed", "cancelled"]);
/** The states of runs and steps, in a word. */
export const WORDS = {
  ready: "waiting",
  running: "running",
  sleeping: "sleeping",
  parked: "parked",
  done: "completed",
  failed: "failed",
  cancelled: "cancelled",
  failing: "retrying",
  waiting: "waiting",
};
/** The states that only steps have. */
export const OF_STEPS = new Set(["failing", "waiting"]);

/** What the name at a step is of. */
const ABOUT = { wait_for_event: "event ", send_event: "event ", invoke: "function " };

export function badge(state, retried) {
  const word = WORDS[state === "ready" && retried ? "failing" : state] ?? state;
  return h("span.badge", { data: { state: word } }, word);
}

/** The way to all runs, where there is no room beside one. */
export const back = () => h("a.back", { href: "#/runs" }, "← All runs");

/** Draws a run again and again, and leaves open what was opened of it. */
export class RunPage {
  #opened = new Map();
  #drawn = "";
  #openForm;
  #actions;

  constructor(openForm, changed) {
    this.#openForm = openForm;
    this.#actions = new RunActions(changed);
    this.root = h("article");
  }

  draw(run) {
    this.#actions.draw(run.summary.id, run.actions);
    const text = JSON.stringify(run);
    const focused = document.activeElement;
    const isRead = this.root.contains(focused) || this.root.querySelector(".data:not([hidden])") !== null;
    if (text === this.#drawn && (OVER.has(run.summary.state) || isRead)) return;
    this.#drawn = text;
    const traceback = this.root.querySelector(".traceback")?.open;
    const data = (query, ...rest) => this.#data("id" in query ? query : { run: run.summary.id, ...query }, ...rest);
    fill(this.root, contents(run, this.#actions.root, data, this.#openForm));
    if (traceback) this.root.querySelector(".traceback")?.setAttribute("open", "");
    if (this.root.contains(focused)) focused.focus();
  }

  #data(query, ...rest) {
    const key = JSON.stringify(query);
    if (!this.#opened.has(key)) this.#opened.set(key, stored(query, ...rest));
    return this.#opened.get(key);
  }
}

function contents({ summary, deaths, traceback, data_size: dataSize, result_size: resultSize, steps, messages }, actions, data, openForm) {
  const begun = new Date(summary.created_at);
  const facts = [
    ["Begun", moment(begun)],
    ["Took", summary.ended_at === null ? "not over" : duration(new Date(summary.ended_at) - begun)],
    summary.attempts > 1 ? ["Attempts", String(summary.attempts)] : null,
    summary.failures > 0 ? ["Failures", String(summary.failures)] : null,
    deaths > 0 ? ["Died with the process", `${deaths} ×`] : null,
    summary.state === "ready" ? ["Due", clock(new Date(summary.due_at))] : null,
  ];
  return [
    back(),
    h("header", h("h1", summary.function), badge(summary.state, summary.attempt > 0)),
    h("p.where", h("code", summary.id), copyButton("Copy id", () => summary.id)),
    factList(facts),
    actions,
    summary.error_type === null ? null : failure(summary, place(traceback)),
    traceback === null ? null : h("details.traceback", h("summary", "Traceback"), h("pre", { tabindex: "0" }, traceback)),
    h("h2", "Event and result"),
    h(
      "ul.kept",
      keptRow("Event", h("code", summary.event), dataSize, data({ part: "event" }, "Event data")),
      resultSize === null ? null : keptRow("Result", h("span"), resultSize, data({ part: "result" }, "Result")),
    ),
    h("h2", "Steps"),
    steps.length === 0 ? h("p.none", "No step has begun.") : graph(summary, steps, messages, data),
    h("h2", "Durable messages"),
    messages.length === 0 ? h("p.none", "None, or none that is still retained.") : published(messages, data, openForm),
    h("p.more", linkToMessages(summary.id, "All its messages, live ones too")),
  ];
}

function keptRow(word, what, bytes, { show, place: shown }) {
  return h("li", h("span.word", word), what, h("span.size", size(bytes)), show, shown);
}

/** Where an exception was raised: the last line of its traceback in code that isn't installed, if there is one. */
function place(traceback) {
  const frames = [...(traceback ?? "").matchAll(/^ +File "(.+)", line (\d+), in (.+)$/gm)];
  const own = frames.filter(([, file]) => !/site-packages|[\\/]lib[\\/]python/.test(file));
  const found = own.at(-1) ?? frames.at(-1);
  return found === undefined ? null : `${found[1]}:${found[2]}, in ${found[3]}`;
}

function failure({ error_type: type, error_text: text }, where = null) {
  return h("div.failure", h("strong", type), text ? h("pre", text) : null, where && h("code", where));
}

function graph(summary, steps, messages, data) {
  // A run that was retried has steps of earlier executions.
  const start = Math.min(...[summary.started_at ?? summary.created_at, ...steps.map((step) => step.started_at)].map((one) => new Date(one).getTime()));
  const ends = [summary.ended_at, ...steps.map((step) => step.ended_at ?? (step.state === "waiting" ? null : step.wake_at))].filter((one) => one !== null);
  const latest = Math.max(start + 1, ...ends.map((one) => new Date(one).getTime()));
  const end = OVER.has(summary.state) ? latest : Math.max(latest, Date.now());
  const share = (time) => Math.min(100, Math.max(0, ((time - start) / (end - start)) * 100));
  return h(
    "div.graph",
    h("div.scale", { "aria-hidden": "true" }, [0, 0.25, 0.5, 0.75, 1].map((part) => h("span", duration((end - start) * part)))),
    h("ol", steps.map((step) => stepRow(step, OVER.has(summary.state), share, end, messages.filter((one) => belongs(summary.id, step, one)), data))),
  );
}

/** Whether a message is the one this step published: its id is run, step and a number that counts repeats. */
function belongs(runId, step, message) {
  const [, base, number] = /^(.*):(\d+)$/s.exec(message.id.slice(runId.length + 1)) ?? [];
  return step.kind === "step.realtime.publish" && step.id === (number === "0" ? base : `${base}:${number}`);
}

function stepRow(step, over, share, end, messages, data) {
  const started = new Date(step.started_at).getTime();
  const ended = step.ended_at === null ? end : new Date(step.ended_at).getTime();
  const kind = step.kind.replace("step.realtime.publish", "publish").replace("step.", "");
  const bar = h("span.bar-of", { data: { kind, state: step.state } });
  bar.style.left = `${share(started)}%`;
  bar.style.width = `${share(ended) - share(started)}%`;
  const track = h("span.track", { "aria-hidden": "true" }, bar);
  for (const message of messages) {
    const mark = h("span.mark");
    mark.style.left = `${share(new Date(message.created_at).getTime())}%`;
    track.append(mark);
  }
  const outcome = [
    badge(over && step.state === "failing" ? "failed" : step.state, false),
    h("span.took", step.ended_at === null ? "" : duration(ended - started)),
    step.attempts > 1 ? h("span.attempts", `${step.attempts} attempts`) : null,
  ];
  const isPublish = step.channel !== null;
  const output = step.result_size === null || isPublish ? null : data({ part: "step", step: step.id }, `Output of ${step.id}`, "Output");
  return h(
    "li",
    h("span.step", h("span.kind", kind), h("code", step.id)),
    track,
    h("span.outcome", outcome, output?.show),
    isPublish ? h("span.to", `→ ${step.topic} on ${step.channel}`) : null,
    !isPublish && step.topic !== null ? h("span.to", `${ABOUT[kind] ?? ""}${step.topic}`) : null,
    step.error_type === null ? null : failure(step),
    output?.place,
  );
}

function published(messages, data, openForm) {
  return h(
    "ul.published",
    messages.map((message) => {
      const reopen = (whole) =>
        button("Open in form", async () => openForm(message.channel, message.topic, await whole()), { class: "quiet" });
      const { show, place: shown } = data({ id: message.id }, `the data of ${message.id}`, "Show", reopen);
      return h(
        "li",
        h("span.time", clock(new Date(message.created_at))),
        h("span.topic", message.topic),
        h("code", message.channel),
        h("span.size", size(message.size)),
        show,
        shown,
      );
    }),
  );
}

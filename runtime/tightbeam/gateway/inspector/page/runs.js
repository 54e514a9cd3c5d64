// The view of runs: the latest ones, and the graph of one of them over time.

import * as api from "./api.js";
import { button, clock, copyButton, duration, fill, h, jsonBlock, moment, size } from "./dom.js";

const EVERY_MS = 2_000;
const SOON_MS = 250;
const OVER = new Set(["done", "failed"]);
const WORDS = {
  ready: "waiting",
  running: "running",
  sleeping: "sleeping",
  parked: "parked",
  done: "completed",
  failed: "failed",
  failing: "retrying",
};

export class RunsView {
  #list = h("div", { class: "run-list" });
  #page = h("div", { class: "run-page" });
  #id = null;
  #timer = 0;
  #inside = false;
  #asked = 0;
  #drawn = "";
  #drawnRun = "";

  constructor() {
    this.root = h("section", { class: "view runs", "aria-label": "Runs" }, this.#list, this.#page);
    document.addEventListener("visibilitychange", () => this.hint());
  }

  enter(id) {
    this.#inside = true;
    if (this.#id !== (id ?? null)) {
      this.#id = id ?? null;
      this.#drawnRun = "";
      fill(this.#page, this.#id === null ? h("p", { class: "empty" }, "Choose a run to see its steps.") : null);
    }
    this.root.classList.toggle("open", this.#id !== null);
    this.#drawn = "";
    this.#refresh();
  }

  leave() {
    this.#inside = false;
    clearTimeout(this.#timer);
  }

  /** Something happened to a run: look soon. */
  hint() {
    if (this.#inside) this.#later(SOON_MS);
  }

  #later(milliseconds) {
    const at = performance.now() + milliseconds;
    if (this.#timer !== 0 && this.#asked <= at) return;
    clearTimeout(this.#timer);
    this.#asked = at;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      if (this.#inside && !document.hidden) this.#refresh();
    }, milliseconds);
  }

  async #refresh() {
    const id = this.#id;
    const [runs, run] = await Promise.allSettled([api.runs(), id === null ? null : api.run(id)]);
    if (!this.#inside) return;
    if (runs.status === "fulfilled") this.#drawList(runs.value.runs);
    else if (this.#drawn === "") fill(this.#list, h("p", { class: "empty" }, runs.reason.message));
    if (id !== null && id === this.#id) {
      if (run.status === "fulfilled") this.#drawRun(run.value);
      else if (this.#drawnRun === "") fill(this.#page, h("p", { class: "empty" }, run.reason.message));
    }
    this.#later(EVERY_MS);
  }

  #drawList(runs) {
    const text = JSON.stringify([runs, this.#id]);
    if (text === this.#drawn) return;
    this.#drawn = text;
    if (runs.length === 0) {
      fill(
        this.#list,
        h("div", { class: "empty" }, h("p", { class: "title" }, "No runs yet"), h("p", {}, "A run begins when an event is sent that a function listens to.")),
      );
      return;
    }
    const focused = document.activeElement?.closest?.(".run-list a")?.getAttribute("href");
    fill(
      this.#list,
      h(
        "ul",
        {},
        runs.map((run) =>
          h(
            "li",
            {},
            h(
              "a",
              { href: `#/runs/${encodeURIComponent(run.id)}`, "aria-current": run.id === this.#id ? "page" : null },
              badge(run.state, run.attempt > 0),
              h("span", { class: "function" }, run.function),
              h("span", { class: "when" }, moment(new Date(run.created_at))),
              h("code", { class: "id" }, run.id),
              h("span", { class: "took" }, run.ended_at === null ? "" : duration(new Date(run.ended_at) - new Date(run.created_at))),
            ),
          ),
        ),
      ),
    );
    if (focused) this.#list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }

  #drawRun(run) {
    const over = OVER.has(run.summary.state);
    const text = JSON.stringify(run);
    if (text === this.#drawnRun && over) return;
    this.#drawnRun = text;
    const shown = new Set([...this.#page.querySelectorAll("[data-message]")].map((one) => one.dataset.message));
    if (shown.size > 0 && text === this.#page.dataset.text) return; // nothing new: leave what was opened
    this.#page.dataset.text = text;
    fill(this.#page, runPage(run));
  }
}

function badge(state, retried) {
  const word = WORDS[state === "ready" && retried ? "failing" : state] ?? state;
  return h("span", { class: "badge", data: { state: word } }, word);
}

function runPage({ summary, deaths, traceback, steps, messages }) {
  const begun = new Date(summary.created_at);
  const facts = [
    ["Event", h("code", {}, summary.event)],
    ["Begun", moment(begun)],
    ["Took", summary.ended_at === null ? "not over" : duration(new Date(summary.ended_at) - begun)],
    summary.attempt > 0 ? ["Failures since the last step", String(summary.attempt)] : null,
    deaths > 0 ? ["Died with the process", `${deaths} ×`] : null,
    summary.state === "ready" ? ["Due", clock(new Date(summary.due_at))] : null,
  ].filter((fact) => fact !== null);
  return h(
    "article",
    {},
    h("a", { class: "back", href: "#/runs" }, "← All runs"),
    h("header", {}, h("h1", {}, summary.function), badge(summary.state, summary.attempt > 0)),
    h("p", { class: "where" }, h("code", {}, summary.id), copyButton("Copy id", () => summary.id)),
    h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    summary.error_type === null ? null : failure(summary),
    traceback === null ? null : h("details", { class: "traceback" }, h("summary", {}, "Traceback"), h("pre", {}, traceback)),
    h("h2", {}, "Steps"),
    steps.length === 0 ? h("p", { class: "none" }, "No step has begun.") : graph(summary, steps, messages),
    h("h2", {}, "Durable messages"),
    messages.length === 0 ? h("p", { class: "none" }, "None, or none that is still retained.") : published(messages),
  );
}

function failure({ error_type: type, error_text: text }) {
  return h("div", { class: "failure" }, h("strong", {}, type), text ? h("pre", {}, text) : null);
}

function graph(summary, steps, messages) {
  const start = new Date(summary.started_at ?? summary.created_at).getTime();
  const ends = [summary.ended_at, ...steps.map((step) => step.ended_at ?? step.wake_at)].filter((one) => one !== null);
  const latest = Math.max(start + 1, ...ends.map((one) => new Date(one).getTime()));
  const end = OVER.has(summary.state) ? latest : Math.max(latest, Date.now());
  const share = (time) => Math.min(100, Math.max(0, ((time - start) / (end - start)) * 100));
  return h(
    "div",
    { class: "graph" },
    h("div", { class: "scale", "aria-hidden": "true" }, [0, 0.25, 0.5, 0.75, 1].map((part) => h("span", {}, duration((end - start) * part)))),
    h("ol", {}, steps.map((step) => stepRow(step, OVER.has(summary.state), share, end, messages.filter((one) => belongs(summary.id, step, one))))),
  );
}

/** Whether a message is the one this step published: its id is run, step and a number that counts repeats. */
function belongs(runId, step, message) {
  const [, base, number] = /^(.*):(\d+)$/s.exec(message.id.slice(runId.length + 1)) ?? [];
  return step.kind === "step.realtime.publish" && step.id === (number === "0" ? base : `${base}:${number}`);
}

function stepRow(step, over, share, end, messages) {
  const started = new Date(step.started_at).getTime();
  const ended = step.ended_at === null ? end : new Date(step.ended_at).getTime();
  const kind = step.kind.replace("step.realtime.publish", "publish").replace("step.", "");
  const bar = h("span", { class: "bar-of", data: { kind, state: step.state } });
  bar.style.left = `${share(started)}%`;
  bar.style.width = `${share(ended) - share(started)}%`;
  const track = h("span", { class: "track", "aria-hidden": "true" }, bar);
  for (const message of messages) {
    const mark = h("span", { class: "mark" });
    mark.style.left = `${share(new Date(message.created_at).getTime())}%`;
    track.append(mark);
  }
  const outcome = [
    badge(over && step.state === "failing" ? "failed" : step.state, false),
    h("span", { class: "took" }, step.ended_at === null ? "" : duration(ended - started)),
    step.attempts > 1 ? h("span", { class: "attempts" }, `${step.attempts} attempts`) : null,
  ];
  return h(
    "li",
    {},
    h("span", { class: "step" }, h("span", { class: "kind" }, kind), h("code", {}, step.id)),
    track,
    h("span", { class: "outcome" }, outcome),
    step.channel === null ? null : h("span", { class: "to" }, `→ ${step.topic} on ${step.channel}`),
    step.error_type === null ? null : failure(step),
  );
}

function published(messages) {
  return h(
    "ul",
    { class: "published" },
    messages.map((message) => {
      const place = h("div", {});
      const label = (word) => {
        show.textContent = word;
        show.setAttribute("aria-label", `${word} the data of ${message.id}`);
      };
      const show = button("", async () => {
        if (place.firstChild !== null) {
          fill(place);
          label("Show");
          return;
        }
        try {
          fill(place, h("div", { data: { message: message.id } }, jsonBlock(await api.payload(message.id), `Data of ${message.id}`)));
          label("Hide");
        } catch (error) {
          fill(place, h("p", { class: "error" }, error.message));
        }
      });
      show.className = "quiet";
      label("Show");
      return h(
        "li",
        {},
        h("span", { class: "time" }, clock(new Date(message.created_at))),
        h("span", { class: "topic" }, message.topic),
        h("code", {}, message.channel),
        h("span", { class: "size" }, size(message.size)),
        show,
        place,
      );
    }),
  );
}

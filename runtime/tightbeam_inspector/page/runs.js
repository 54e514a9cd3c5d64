// The view of runs: the latest ones that pass a filter, and one of them.

import { address, refine } from "./address.js";
import * as api from "./api.js";
import { button, capitalized, count, duration, fill, h, moment, plural } from "./dom.js";
import { OF_STEPS, RunPage, WORDS, back, badge } from "./run.js";

const EVERY_MS = 2_000;
const SOON_MS = 250;
const STATES = Object.keys(WORDS).filter((state) => !OF_STEPS.has(state));

export class RunsView {
  #title = h("h1.sr", "Runs");
  #search = h("input", { type: "search", placeholder: "Filter: id, event, error", "aria-label": "Filter runs", autocomplete: "off", spellcheck: "false" });
  #function = h("select", { "aria-label": "Function" });
  #state = h("select", { "aria-label": "State" }, [
    h("option", { value: "" }, "Any state"),
    STATES.map((value) => h("option", { value }, WORDS[value])),
  ]);
  #count = h("p.counts");
  #list = h("div.run-list");
  #page = h("div.run-page");
  #run = null;
  #openForm;
  #id = null;
  #filter = {};
  #functions = [];
  #timer = 0;
  #inside = false;
  #asked = 0;
  #drawn = "";

  constructor(openForm) {
    this.#openForm = openForm;
    const tools = h("div.tools", this.#search, this.#function, this.#state, this.#count);
    const side = h("div.side", tools, this.#list);
    this.root = h("section.view.runs", { "aria-label": "Runs" }, this.#title, side, this.#page);
    this.#search.addEventListener("input", () => this.#refine());
    for (const one of [this.#function, this.#state]) one.addEventListener("change", () => this.#refine());
    document.addEventListener("visibilitychange", () => this.hint());
  }

  enter([id = null], query) {
    this.#inside = true;
    this.#filter = { function: query.get("function") ?? "", state: query.get("state") ?? "", text: query.get("text") ?? "" };
    if (this.#search.value !== this.#filter.text) this.#search.value = this.#filter.text;
    this.#state.value = this.#filter.state;
    this.#drawFunctions();
    if (this.#id !== id || this.#run === null) {
      this.#id = id;
      this.#run = new RunPage(this.#openForm, () => this.#refresh());
      fill(this.#page, id === null ? h("p.empty", "Choose a run to see its steps.") : null);
    }
    this.#title.hidden = id !== null;
    this.root.classList.toggle("open", id !== null);
    this.#drawn = "";
    this.#refresh();
  }

  leave() {
    this.#inside = false;
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  /** Something happened to a run: look soon. */
  hint() {
    if (this.#inside) this.#later(SOON_MS);
  }

  #refine() {
    this.#filter = { function: this.#function.value, state: this.#state.value, text: this.#search.value };
    refine("runs", this.#id === null ? [] : [this.#id], this.#filter);
    this.hint();
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
    const [id, filter] = [this.#id, this.#filter];
    const [runs, run] = await Promise.allSettled([api.runs(filter), id === null ? null : api.run(id)]);
    if (!this.#inside) return;
    if (filter === this.#filter) {
      if (runs.status === "fulfilled") this.#drawList(runs.value);
      else if (this.#drawn === "" || runs.reason.status === 400) this.#drawTrouble(runs.reason.message);
    }
    if (id !== null && id === this.#id) {
      if (run.status === "fulfilled") {
        this.#run.draw(run.value);
        if (this.#run.root.parentNode === null) fill(this.#page, this.#run.root);
      } else if (this.#run.root.parentNode === null) fill(this.#page, back(), h("p.empty", capitalized(run.reason.message)));
    }
    this.#later(EVERY_MS);
  }

  #drawTrouble(words) {
    this.#drawn = "";
    fill(this.#list, h("p.empty", capitalized(words)));
    fill(this.#count);
  }

  #drawList({ runs, functions, limit, searched }) {
    const text = JSON.stringify([runs, functions, this.#id, this.#filter]);
    if (text === this.#drawn) return;
    this.#drawn = text;
    this.#functions = functions;
    this.#drawFunctions();
    const isFiltered = Object.values(this.#filter).some((one) => one !== "");
    const found = plural(runs.length, "run");
    fill(this.#count, (runs.length === limit ? `The latest ${count(limit)}` : found) + (isFiltered ? ` of the last ${count(searched)}` : ""));
    if (runs.length === 0) {
      fill(this.#list, isFiltered ? this.#nothing() : noRuns());
      return;
    }
    const focused = document.activeElement?.closest?.(".run-list a")?.dataset.run;
    fill(this.#list, h("ul", runs.map((run) => h("li", this.#link(run)))));
    if (focused) this.#list.querySelector(`a[data-run="${CSS.escape(focused)}"]`)?.focus();
  }

  #drawFunctions() {
    const names = [...new Set(["", ...this.#functions, this.#filter.function])];
    const there = [...this.#function.options].map((one) => one.value);
    if (String(names) !== String(there) || there.length === 0) fill(this.#function, names.map((value) => h("option", { value }, value || "Any function")));
    this.#function.value = this.#filter.function;
  }

  #nothing() {
    const all = () => {
      this.#search.value = this.#function.value = this.#state.value = "";
      this.#refine();
    };
    return h("div.empty", h("p.title", "No run passes the filter"), button("Show all", all));
  }

  #link(run) {
    return h(
      "a",
      { href: address(["runs", run.id], this.#filter), data: { run: run.id }, "aria-current": run.id === this.#id ? "page" : null },
      badge(run.state, run.attempt > 0),
      h("span.function", run.function),
      h("span.when", moment(new Date(run.created_at))),
      h("span.took", run.ended_at === null ? "" : duration(new Date(run.ended_at) - new Date(run.created_at))),
    );
  }
}

function noRuns() {
  const words = "A run begins when an event is sent that a function listens to.";
  return h("div.empty", h("p.title", "No runs yet"), h("p", words));
}

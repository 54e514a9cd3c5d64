// What can be done with a run: buttons, each with a confirmation, and what came of it.

import * as api from "./api.js";
import { button, capitalized, fill, freshId, h } from "./dom.js";

const ACTIONS = {
  retry: {
    label: "Retry",
    question: "Retry this run?",
    words: "It begins anew with all its attempts. Steps that are finished aren't executed again.",
    done: "The run is tried again.",
  },
  resume: {
    label: "Resume",
    question: "Resume this run?",
    words: "It is tried again now, and parked again if the code still doesn't fit what it remembers.",
    done: "The run goes on.",
  },
  cancel: {
    label: "Cancel run",
    question: "Cancel this run?",
    words: "It publishes nothing more. An await is interrupted at once, a step without one at its end. What it has stored stays, and it can be retried.",
    done: "The run is cancelled.",
    grave: true,
  },
};

/** The buttons of one run; they stay while the page around them is drawn anew. */
export class RunActions {
  #buttons = h("div.buttons", { role: "group", "aria-label": "Actions" });
  #said = h("p.said", { role: "status" });
  #drawn = "";
  #busy = false;
  #changed;

  constructor(changed) {
    this.#changed = changed;
    this.root = h("div.run-actions", this.#buttons, this.#said);
  }

  draw(runId, actions) {
    const text = JSON.stringify([runId, actions]);
    if (text === this.#drawn) return;
    this.#drawn = text;
    const names = actions.filter((name) => Object.hasOwn(ACTIONS, name));
    const hadFocus = this.#buttons.contains(document.activeElement);
    fill(this.#buttons, names.map((name) => button(ACTIONS[name].label, () => this.#ask(runId, name))));
    if (hadFocus) (this.#buttons.querySelector("button") ?? document.getElementById("main")).focus();
  }

  #ask(runId, name) {
    if (this.#busy) return; // a button that is disabled would lose the focus
    const { label, question, words, grave } = ACTIONS[name];
    const [title, text] = [freshId("title"), freshId("text")];
    const yes = button(label, () => dialog.close(name), { class: grave ? "primary grave" : "primary" });
    const no = button("Leave it", () => dialog.close(), { autofocus: true });
    const dialog = h(
      "dialog.card",
      { "aria-labelledby": title, "aria-describedby": text },
      h("h2", { id: title }, question),
      h("p", { id: text }, words),
      h("div.buttons", yes, no),
    );
    const leave = () => dialog.close();
    dialog.addEventListener("close", () => {
      removeEventListener("hashchange", leave);
      dialog.remove();
      if (dialog.returnValue === name) this.#act(runId, name);
    });
    addEventListener("hashchange", leave);
    document.body.append(dialog);
    dialog.showModal();
  }

  async #act(runId, name) {
    this.#say("", `${ACTIONS[name].label}…`);
    this.#busy = true;
    try {
      await api.act(runId, name);
      this.#say("done", ACTIONS[name].done);
    } catch (error) {
      this.#say("error", capitalized(error.message));
    } finally {
      this.#busy = false;
      this.#changed();
    }
  }

  #say(kind, words) {
    this.#said.className = kind === "" ? "said" : `said ${kind}`;
    this.#said.textContent = words;
  }
}

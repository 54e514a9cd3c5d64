// Search, tabs, copying, and where on the page the reader is. Pages are complete without it.
// A classic script: pages that are opened as files may load neither modules nor data.
"use strict";

(() => {
  const ROOT = document.currentScript.dataset.root.replace(/index\.html$/, "");
  const MOST = 30;
  const KINDS = ["Channel", "Topic", "Property", "Type", "Parameter", "Event"];
  const WEIGHTS = [30, 24, 8, 16, 10];
  const INDEX = /^search\/[0-9]+\.js$/;

  /** An element with attributes and children; strings become text nodes. There is no way from here to HTML. */
  function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // -- the index -------------------------------------------------------------------------------------------------------

  const policy = window.trustedTypes?.createPolicy("tightbeam-catalogue", {
    createScriptURL(path) {
      if (!INDEX.test(path)) throw new TypeError("not a part of the index");
      return ROOT + path;
    },
  });

  const entries = [];
  let asked = 0;
  let wanted = null;
  let failed = false;

  /** Load the index, one script after the other, so that none holds up the page. */
  function load() {
    if (wanted !== null && asked >= wanted) return;
    const path = `search/${asked}.js`;
    const script = document.createElement("script");
    script.src = policy === undefined ? ROOT + path : policy.createScriptURL(path);
    script.onload = () => {
      asked += 1;
      load();
      search.refresh();
    };
    script.onerror = () => {
      failed = true;
      search.refresh();
    };
    document.head.append(script);
  }

  window.tightbeamFound = (_number, total, found) => {
    wanted = total;
    for (const [kind, title, page, anchor, parent, words] of found) {
      const above = parent < 0 ? null : entries[parent];
      const path = above === null ? "" : `${above.path}${above.path === "" ? "" : " › "}${above.title}`;
      const name = title.toLowerCase();
      entries.push({ kind, title, page, anchor, words, path, name, all: `${name}\n${path.toLowerCase()}\n${words.toLowerCase()}` });
    }
  };

  const loaded = () => wanted !== null && asked >= wanted;

  /** How well a title has a term: as a whole, at its beginning, at the beginning of a word, inside of one. */
  function weigh({ name, title }, term) {
    const at = name.indexOf(term);
    if (at < 0) return 0;
    if (at === 0) return name.length === term.length ? 160 : 60;
    return isInWord(name.charCodeAt(at - 1)) && title[at] === name[at] ? 25 : 45;
  }

  /** Whether a character is a small letter or a digit. A regular expression for each entry takes a frame. */
  const isInWord = (code) => (code > 96 && code < 123) || (code > 47 && code < 58);

  let last = { text: "", among: 0, found: entries };

  /** The best entries with all words in them, and how many there are. */
  function find(text) {
    const terms = text.toLowerCase().split(/\s+/).filter((term) => term !== "");
    // What has the words of a longer text has those of its beginning, too.
    const isLonger = last.among === entries.length && text.startsWith(last.text);
    const best = [];
    const found = [];
    for (const entry of isLonger ? last.found : entries) {
      if (!terms.every((term) => entry.all.includes(term))) continue;
      found.push(entry);
      let score = WEIGHTS[entry.kind] - Math.min(entry.name.length, 60) / 10;
      for (const term of terms) score += weigh(entry, term);
      // Only the best are kept in order: a single letter finds nearly everything.
      if (best.length === MOST && score <= best[MOST - 1].score) continue;
      let at = best.length;
      while (at > 0 && best[at - 1].score < score) at -= 1;
      best.splice(at, 0, { entry, score });
      if (best.length > MOST) best.pop();
    }
    last = { text, among: entries.length, found };
    const total = found.length;
    return { terms: terms.filter((term) => term.length > 1), total, best: best.map((one) => one.entry) };
  }

  /** Text in which the terms are marked. */
  function marked(text, terms) {
    const lower = text.toLowerCase();
    if (lower.length !== text.length) return [text];
    const spans = [];
    for (const term of terms) {
      for (let at = lower.indexOf(term); at >= 0; at = lower.indexOf(term, at + term.length)) spans.push([at, at + term.length]);
    }
    spans.sort((a, b) => a[0] - b[0]);
    const parts = [];
    let end = 0;
    for (const [from, to] of spans) {
      if (from < end) continue;
      parts.push(text.slice(end, from), h("mark", {}, text.slice(from, to)));
      end = to;
    }
    parts.push(text.slice(end));
    return parts;
  }

  // -- the search ------------------------------------------------------------------------------------------------------

  class Search {
    #root = document.querySelector(".search");
    #input = this.#root.querySelector("input");
    #panel = this.#root.querySelector(".found");
    #list = this.#root.querySelector("[role=listbox]");
    #said = this.#root.querySelector(".said");
    #at = -1;
    #due = false;

    constructor() {
      this.#root.hidden = false;
      this.#input.addEventListener("focus", () => {
        if (wanted === null && asked === 0 && !failed) load();
        this.refresh();
      });
      this.#input.addEventListener("input", () => {
        this.#at = 0;
        this.refresh();
      });
      this.#input.addEventListener("keydown", (event) => this.#key(event));
      this.#list.addEventListener("pointermove", (event) => {
        const index = [...this.#list.children].indexOf(event.target.closest("a"));
        if (index >= 0 && index !== this.#at) this.#select(index, false);
      });
      document.addEventListener("pointerdown", (event) => {
        if (!this.#root.contains(event.target)) this.#close();
      });
      this.#root.addEventListener("focusout", (event) => {
        if (event.relatedTarget !== null && !this.#root.contains(event.relatedTarget)) this.#close();
      });
      this.#list.addEventListener("click", () => this.#close());
    }

    focus() {
      this.#input.focus();
      this.#input.select();
    }

    /** Draw at the next frame, once. */
    refresh() {
      if (!this.#due) requestAnimationFrame(() => this.#draw());
      this.#due = true;
    }

    #draw() {
      this.#due = false;
      const text = this.#input.value.trim();
      if (text === "" || document.activeElement !== this.#input) {
        this.#close();
        return;
      }
      const { terms, total, best } = find(text);
      this.#list.replaceChildren(...best.map((entry, index) => this.#option(entry, terms, index)));
      this.#said.textContent = this.#words(total, best.length);
      this.#panel.hidden = false;
      this.#input.setAttribute("aria-expanded", "true");
      this.#select(Math.min(Math.max(this.#at, 0), best.length - 1), true);
    }

    #words(total, shown) {
      if (failed) return "The search index can't be loaded.";
      if (total === 0) return loaded() ? "Nothing has all of these words." : "Searching…";
      const more = loaded() ? "" : ", still searching";
      return shown < total ? `The best ${shown} of ${total.toLocaleString("en-GB")}${more}` : `${total} found${more}`;
    }

    #option(entry, terms, index) {
      const anchor = entry.anchor === "" ? "" : `#${entry.anchor}`;
      const page = entry.page.split("/").map(encodeURIComponent).join("/");
      const parts = [h("span", { class: "kind" }, KINDS[entry.kind]), h("span", { class: "title" }, ...marked(entry.title, terms))];
      if (entry.path !== "") parts.push(h("span", { class: "in" }, ...marked(entry.path, terms)));
      if (entry.words !== "") parts.push(h("span", { class: "words" }, ...marked(entry.words, terms)));
      const href = `${ROOT === "" ? "./" : ROOT}${page}${anchor}`;
      return h("a", { role: "option", id: `~found-${index}`, href, tabindex: "-1", "aria-selected": "false" }, ...parts);
    }

    #select(index, scroll) {
      const options = [...this.#list.children];
      this.#at = index;
      options.forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
      if (options[index] === undefined) {
        this.#input.removeAttribute("aria-activedescendant");
        return;
      }
      this.#input.setAttribute("aria-activedescendant", options[index].id);
      if (scroll) options[index].scrollIntoView({ block: "nearest" });
    }

    #key(event) {
      const count = this.#list.children.length;
      if (event.key === "Escape") {
        if (this.#panel.hidden) this.#input.blur();
        this.#input.value = this.#panel.hidden ? "" : this.#input.value;
        this.#close();
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        if (count === 0 || this.#panel.hidden) this.refresh();
        else this.#select((this.#at + (event.key === "ArrowDown" ? 1 : count - 1)) % count, true);
      } else if (event.key === "Enter" && !this.#panel.hidden && count > 0) {
        this.#list.children[Math.max(this.#at, 0)].click();
        this.#input.blur();
      } else {
        return;
      }
      event.preventDefault();
    }

    #close() {
      this.#panel.hidden = true;
      this.#input.setAttribute("aria-expanded", "false");
      this.#input.removeAttribute("aria-activedescendant");
    }
  }

  // -- tabs and copying ------------------------------------------------------------------------------------------------

  /** Show the panels of one language in the whole page: the style does it, the tabs say so. */
  function choose(index) {
    document.documentElement.dataset.tab = String(index);
    for (const list of document.querySelectorAll(".tabs")) {
      [...list.children].forEach((tab, at) => {
        tab.setAttribute("aria-selected", String(at === index));
        tab.tabIndex = at === index ? 0 : -1;
      });
    }
  }

  const tabOf = (target) => (target instanceof Element ? target.closest(".tabs > button") : null);

  function clickTab(event) {
    const tab = tabOf(event.target);
    if (tab === null) return;
    const before = tab.getBoundingClientRect().top;
    choose([...tab.parentElement.children].indexOf(tab));
    // The panels above have other heights now: what was clicked stays where it is.
    window.scrollBy(0, tab.getBoundingClientRect().top - before);
  }

  function moveTab(event) {
    const tab = tabOf(event.target);
    if (tab === null || (event.key !== "ArrowRight" && event.key !== "ArrowLeft")) return;
    event.preventDefault();
    const tabs = [...tab.parentElement.children];
    const next = tabs[(tabs.indexOf(tab) + (event.key === "ArrowRight" ? 1 : tabs.length - 1)) % tabs.length];
    next.click();
    next.focus();
  }

  /** Give a block of code its button when it is pointed at or reached by keyboard: a page may have thousands. */
  function offerCopy(event) {
    const block = event.target instanceof Element ? event.target.closest(".code") : null;
    if (block === null || block.querySelector(".copy") !== null) return;
    const button = h("button", { type: "button", class: "copy quiet" }, "Copy");
    button.addEventListener("click", async () => {
      button.textContent = (await copy(block.querySelector("pre").textContent)) ? "Copied" : "Couldn't copy";
      setTimeout(() => {
        button.textContent = "Copy";
      }, 1500);
    });
    block.append(button);
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not a secure context: the old way, which needs a selection.
      const area = h("textarea", { class: "offscreen", readonly: "", "aria-hidden": "true" });
      area.value = text;
      const focused = document.activeElement;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      focused?.focus();
      return done;
    }
  }

  /** Mark the section that is being read in the list beside the page. */
  function follow(side) {
    const links = new Map([...side.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
    const seen = new Set();
    const mark = () => {
      // A short section at the end can't be scrolled to the top: it is read when the link to it was followed.
      const chosen = location.hash.slice(1);
      const read = seen.has(chosen) ? chosen : [...links.keys()].find((id) => seen.has(id));
      for (const [id, link] of links) {
        if (id === read) link.setAttribute("aria-current", "location");
        else link.removeAttribute("aria-current");
      }
    };
    const observer = new IntersectionObserver(
      (changes) => {
        for (const { target, isIntersecting } of changes) seen[isIntersecting ? "add" : "delete"](target.id);
        mark();
      },
      { rootMargin: "-80px 0px -50% 0px" },
    );
    for (const id of links.keys()) {
      const section = document.getElementById(id);
      if (section !== null) observer.observe(section);
    }
    window.addEventListener("hashchange", mark);
  }

  let search;
  document.documentElement.dataset.tab = "0"; // before anything is drawn

  document.addEventListener("DOMContentLoaded", () => {
    search = new Search();
    document.querySelectorAll(".side").forEach(follow);
    document.addEventListener("click", clickTab);
    document.addEventListener("keydown", moveTab);
    document.addEventListener("pointerover", offerCopy);
    document.addEventListener("focusin", offerCopy);
    document.addEventListener("keydown", (event) => {
      const isTyping = event.target instanceof HTMLElement && event.target.closest("input, textarea, select, [contenteditable]");
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      search.focus();
    });
  });
})();

// A list that draws only the rows that can be seen, however many there are.

import { freshId, h } from "./dom.js";

const SPARE = 6;

/** `draw(row, entry)` puts an entry into a row; `chosen(entry)` is called when one is selected. */
export class VirtualList {
  #rows = [];
  #items;
  #draw;
  #chosen;
  #sizer = h("div.sizer", { role: "presentation" });
  #rowHeight = 32;
  #gone = 0;
  #height = 0;
  #scrolling = false;
  /** Whether it stays with the newest. */
  following = true;
  selected = null;

  constructor(label, items, draw, chosen) {
    this.#items = items;
    this.#draw = draw;
    this.#chosen = chosen;
    this.root = h("div.list", { role: "listbox", tabindex: "0", "aria-label": label }, this.#sizer);
    this.root.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.root.addEventListener("click", (event) => this.#click(event));
    this.onscroll = () => {};
  }

  /** The page gave it another size. */
  measure() {
    this.#height = this.root.clientHeight;
    this.#rowHeight = Number.parseInt(getComputedStyle(this.root).getPropertyValue("--row"), 10) || 32;
  }

  /** Draw what is to be seen now; `gone` counts the items that ever left at the front. */
  render(gone = this.#gone) {
    const items = this.#items();
    const total = items.length * this.#rowHeight;
    const moved = gone - this.#gone;
    this.#gone = gone;
    this.#sizer.style.height = `${total}px`;
    let top = this.root.scrollTop;
    if (this.following) {
      top = Math.max(0, total - this.#height);
      this.#scrollTo(top);
    } else if (moved > 0) {
      top = Math.max(0, top - moved * this.#rowHeight);
      this.#scrollTo(top);
    }
    const first = Math.max(0, Math.floor(top / this.#rowHeight) - SPARE);
    const last = Math.min(items.length, Math.ceil((top + this.#height) / this.#rowHeight) + SPARE);
    this.#pool(last - first);
    let active = null;
    for (let index = first; index < last; index += 1) active = this.#place(this.#rows[index - first], items, index) ?? active;
    // Only when it changes: screen readers say it each time it is set.
    if (active === this.root.getAttribute("aria-activedescendant")) return;
    if (active === null) this.root.removeAttribute("aria-activedescendant");
    else this.root.setAttribute("aria-activedescendant", active);
  }

  #pool(wanted) {
    while (this.#rows.length < wanted) {
      const element = h("div.row", { role: "option", id: freshId("row") });
      this.#rows.push({ element, entry: null });
      this.#sizer.append(element);
    }
    while (this.#rows.length > wanted) this.#rows.pop().element.remove();
  }

  #place(row, items, index) {
    const entry = items.at(index);
    row.element.style.transform = `translateY(${index * this.#rowHeight}px)`;
    row.element.setAttribute("aria-posinset", String(index + 1));
    row.element.setAttribute("aria-setsize", String(items.length));
    const isSelected = entry === this.selected;
    row.element.setAttribute("aria-selected", String(isSelected));
    if (row.entry !== entry) {
      row.entry = entry;
      this.#draw(row.element, entry);
    }
    return isSelected ? row.element.id : null;
  }

  #scrollTo(top) {
    if (Math.abs(this.root.scrollTop - top) < 1) return;
    this.#scrolling = true;
    this.root.scrollTop = top;
  }

  #scrolled() {
    const ours = this.#scrolling;
    this.#scrolling = false;
    if (!ours) {
      const end = this.#items().length * this.#rowHeight - this.#height;
      this.following = this.root.scrollTop >= end - this.#rowHeight;
    }
    this.onscroll();
  }

  #click(event) {
    const element = event.target instanceof Element ? event.target.closest(".row") : null;
    const row = this.#rows.find((one) => one.element === element);
    if (row === undefined) return;
    this.following &&= row.entry === this.#items().at(this.#items().length - 1);
    this.select(row.entry);
  }

  select(entry) {
    this.selected = entry;
    this.#chosen(entry);
    this.onscroll();
  }

  #key(event) {
    const items = this.#items();
    const page = Math.max(1, Math.floor(this.#height / this.#rowHeight) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const move = moves[event.key];
    if (move === undefined || items.length === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const at = this.selected === null ? -1 : items.indexOf(this.selected);
    const from = at === -1 ? (move > 0 ? -1 : items.length) : at;
    const to = Math.min(items.length - 1, Math.max(0, from + move));
    this.following = to === items.length - 1;
    const top = to * this.#rowHeight;
    if (top < this.root.scrollTop) this.#scrollTo(top);
    else if (top + this.#rowHeight > this.root.scrollTop + this.#height) this.#scrollTo(top + this.#rowHeight - this.#height);
    this.select(items.at(to));
  }
}

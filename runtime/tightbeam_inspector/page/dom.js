// Building the page. Text is only ever set as text: there is no way from here to HTML.

import { layout } from "./json.js";

/**
 * An element such as "p.error", with properties, if any, and children; strings become text nodes, null and false nothing.
 * `on` holds listeners, `data` data attributes; the rest are attributes (true: present, false or null: not).
 */
export function h(tag, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length > 0) element.className = classes.join(" ");
  const hasProps = children[0] && Object.getPrototypeOf(children[0]) === Object.prototype;
  for (const [name, value] of Object.entries(hasProps ? children.shift() : {})) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "data") {
      Object.assign(element.dataset, value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...present(children));
  return element;
}

const present = (children) => children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);

/** Put these in place of what is there. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
}

/** Words in which backticks mark code, as they do in descriptions. */
export function prose(text) {
  return text.split("`").map((part, index, all) => {
    if (index % 2 === 0) return part;
    return index === all.length - 1 ? `\`${part}` : h("code", part);
  });
}

export const capitalized = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

let made = 0;

/** An id that no other element has. */
export function freshId(stem) {
  made += 1;
  return `${stem}-${made}`;
}

/** A button with words on it. */
export function button(label, onClick, props = {}) {
  return h("button", { type: "button", on: { click: onClick }, ...props }, label);
}

/** A button that copies what `text` gives or promises, and says so for a moment. */
export function copyButton(label, text) {
  const made = button(label, async () => {
    let done = false;
    try {
      done = await copy(await text());
    } catch {
      // The gateway didn't give it.
    }
    made.textContent = done ? "Copied" : "Couldn't copy";
    setTimeout(() => {
      made.textContent = label;
    }, 1500);
  });
  made.className = "quiet";
  return made;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not a secure context, or not allowed: the old way, which needs a selection.
    const area = h("textarea.offscreen", { readonly: true, "aria-hidden": "true" });
    area.value = text;
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return done;
  }
}

const COLOURED_CHARACTERS = 60_000;
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON over several lines, coloured unless it is long. */
export function jsonBlock(json, label) {
  const text = layout(json);
  const block = h("pre.json", { tabindex: "0", role: "region", "aria-label": label });
  if (text.length > COLOURED_CHARACTERS) {
    block.textContent = text;
    return block;
  }
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    block.append(text.slice(at, match.index));
    const kind = match[1] === undefined ? "literal" : match[2] === undefined ? "string" : "key";
    block.append(h("span", { class: kind }, match[1] ?? match[0]), match[2] ?? "");
    at = match.index + match[0].length;
  }
  block.append(text.slice(at));
  return block;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** The time of day with milliseconds. */
export function clock(time) {
  return `${CLOCK.format(time)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/** The time of day, with the day unless it is today. */
export function moment(time) {
  const today = new Date().toDateString() === time.toDateString();
  return today ? CLOCK.format(time) : `${DAY.format(time)}, ${CLOCK.format(time)}`;
}

/** A span of time in its natural unit. */
export function duration(milliseconds) {
  if (milliseconds > 0 && milliseconds < 1) return "< 1 ms";
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
  if (milliseconds < 3_600_000) return `${Math.floor(milliseconds / 60_000)} min ${Math.round((milliseconds % 60_000) / 1000)} s`;
  return `${(milliseconds / 3_600_000).toFixed(1)} h`;
}

/** Facts with their names; what is null is left out. */
export function factList(facts) {
  const there = facts.filter((fact) => fact !== null);
  return h("dl.facts", there.map(([name, ...value]) => h("div", h("dt", name), h("dd", value))));
}

/** A number with thousands marked. */
export function count(number) {
  return number.toLocaleString("en-GB");
}

/** So many of them. */
export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Bytes, as people say them. */
export function size(bytes) {
  return bytes < 1024 ? `${bytes} B` : bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1048576).toFixed(1)} MiB`;
}

// Data that the gateway keeps of runs and messages: fetched on demand, its beginning first.

import * as api from "./api.js";
import { button, copyButton, fill, h, jsonBlock, size } from "./dom.js";

/** A button that shows data, the place for it, and `more` buttons there. */
export function stored(query, name, label = "Show", more = () => null) {
  const place = h("div.data", { hidden: true });
  const show = button("", () => (place.hidden ? open() : turn(true)), { class: "quiet" });
  const turn = (hidden) => {
    place.hidden = hidden;
    show.textContent = hidden ? label : "Hide";
    show.setAttribute("aria-expanded", String(!hidden));
    show.setAttribute("aria-label", `${hidden ? "Show" : "Hide"} ${name}`);
  };
  const open = async () => {
    try {
      fill(place, contents(await api.data(query), query, name, more));
    } catch (error) {
      fill(place, h("p.error", { role: "alert" }, error.message));
    }
    turn(false);
  };
  turn(true);
  return { show, place };
}

function contents(found, query, name, more) {
  const isCut = found.read < found.size;
  const whole = async () => (isCut ? (await api.data(query, true)).text : found.text);
  return [
    h(
      "p.data-tools",
      h("span", isCut ? `The first ${size(found.read)} of ${size(found.size)}` : ""),
      copyButton(isCut ? "Copy all" : "Copy", whole),
      button("Download", async () => download(await whole(), `${name.replace(/[^\w.-]+/g, "-")}.json`), { class: "quiet" }),
      more(whole),
    ),
    jsonBlock(found.text, name),
  ];
}

function download(text, name) {
  const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  h("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}

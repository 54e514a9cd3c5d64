// The page's address holds the filter too, so that a reload or a shared link shows the same.

import { h } from "./dom.js";

/** An address such as `#/runs/ID?state=failed`; what is empty is left out. */
export function address(parts, query = {}) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  return `#/${parts.map(encodeURIComponent).join("/")}${search.size > 0 ? `?${search}` : ""}`;
}

/** A link to the messages of a run. */
export function linkToMessages(run, words) {
  return h("a", { href: address(["messages"], { filter: `run:${run}` }) }, words);
}

/** The view, the parts after it and the query of the address. */
export function here() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [view, ...parts] = path.split("/").map(decoded);
  return { view, parts, query: new URLSearchParams(query) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // written by hand
  }
}

/** The link at the top that leads to a view. */
export function linkTo(view) {
  return [...document.querySelectorAll(".bar nav a")].find((link) => link.hash.split("?", 1)[0] === `#/${view}`);
}

/** Write another filter into the address, and into the link at the top. */
export function refine(view, parts, query) {
  linkTo(view).href = address([view], query);
  history.replaceState(null, "", address([view, ...parts], query));
}

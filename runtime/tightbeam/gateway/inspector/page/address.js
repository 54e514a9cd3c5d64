// The page's address: a view, what of it, and what it is filtered by, so that a reload or a shared link shows the same.

/** An address such as `#/runs/ID?state=failed`; what is empty is left out. */
export function address(parts, query = {}) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  return `#/${parts.map(encodeURIComponent).join("/")}${search.size > 0 ? `?${search}` : ""}`;
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

/** The view is filtered otherwise: say so in the address, and have the link at the top lead back to it. */
export function refine(view, parts, query) {
  linkTo(view).href = address([view], query);
  history.replaceState(null, "", address([view, ...parts], query));
}

// What the page asks the gateway. The key, if one is needed, stays in this module and goes only into headers.

import { parse } from "./json.js";

const BEGINNING = 64 * 1024;
let key = null;

/** The gateway's answer was no. */
export class Refused extends Error {
  constructor(status, text, issues) {
    super(text);
    this.status = status;
    this.issues = issues;
  }
}

/** Use this server key from now on; it is forgotten with the page. */
export function useKey(text) {
  key = text;
}

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (key !== null) headers.Authorization = `Bearer ${key}`;
  const answer = await fetch(path, { ...options, headers, credentials: "omit", cache: "no-store" });
  if (answer.ok) return answer;
  let said = {};
  try {
    said = await answer.json();
  } catch {
    // Something between here and the gateway answered.
  }
  throw new Refused(answer.status, said.error ?? `The gateway answered ${answer.status}.`, said.issues ?? []);
}

const read = async (path) => (await ask(path)).json();


/** The channels, with the numbers of their schemas as they are written. */
export async function channels() {
  const text = await (await ask("api/channels")).text();
  try {
    return parse(text);
  } catch {
    return JSON.parse(text); // a pattern may have half a character
  }
}

export const runs = (filter) => read(`api/runs?${new URLSearchParams(filter)}`);
export const connections = (channel) => read(`api/connections${channel === undefined ? "" : `?channel=${encodeURIComponent(channel)}`}`);
export const run = (id) => read(`api/runs/${encodeURIComponent(id)}`);

/** Cancel, retry or resume a run, through the route that programs use. */
export async function act(id, action) {
  await ask(`../v1/realtime/runs/${encodeURIComponent(id)}/${action}`, { method: "POST" });
}

/** Data of a message (`id`) or a run (`run`, `part`, `step`), or its beginning, and its size. */
export async function data(query, whole = false) {
  const answer = await ask(`api/payload?${new URLSearchParams(whole ? query : { ...query, limit: BEGINNING })}`);
  const bytes = await answer.arrayBuffer();
  const text = new TextDecoder().decode(bytes, { stream: true }); // not the half of a character
  return { text, read: bytes.byteLength, size: Number(answer.headers.get("Tightbeam-Size")) };
}

/** Publish JSON text, through the route that every program publishes through. */
export async function publish(channel, topic, text) {
  const query = new URLSearchParams({ channel, topic });
  await ask(`../v1/realtime/publish?${query}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: text,
  });
}

/** The lines of the stream of messages, several at a time, until it ends. */
export async function* lines(after, signal) {
  const query = after === null ? "" : `?after=${encodeURIComponent(after)}`;
  const answer = await ask(`api/messages${query}`, { signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    if (parts.length > 0) yield parts;
  }
}

// The board: one row for each order, kept up to date by one stream. Payloads are text, so they go into `textContent`.
import { follow } from "./follow.js";

const STATES = ["placed", "paid", "packed", "shipped"];
const connection = document.querySelector("#connection");
const refusal = document.querySelector("#refusal");
const form = document.querySelector("form");
const body = document.querySelector("tbody");
const orders = new Map();

/** Return the cells of an order, in a new row if it has none yet. */
function row(id) {
  let cells = orders.get(id);
  if (cells === undefined) {
    const line = document.createElement("tr");
    line.dataset.order = id;
    cells = Object.fromEntries(["id", "item", "state", "worker", "progress"].map((name) => {
      const cell = line.insertCell();
      cell.className = name;
      return [name, cell];
    }));
    cells.id.textContent = id;
    cells.bar = cells.progress.appendChild(document.createElement("progress"));
    cells.bar.max = 100;
    cells.bar.value = 0;
    cells.bar.setAttribute("aria-label", `Progress of order ${id}`);
    body.prepend(line);
    orders.set(id, cells);
  }
  return cells;
}

/** Show a state, unless the order is further already: what is loaded and what is streamed may overtake each other. */
function reach(cells, state) {
  if (STATES.indexOf(state) <= STATES.indexOf(cells.state.textContent)) return;
  cells.state.textContent = state;
  cells.bar.value = state === "shipped" ? 100 : 0;
}

function show({ id, item, quantity, state }) {
  const cells = row(id);
  cells.item.textContent = `${quantity} × ${item}`;
  reach(cells, state);
}

function receive({ topic, data }) {
  switch (topic) {
    case "placed":
      return show({ ...data, id: data.orderId, state: "placed" });
    case "state":
      return reach(row(data.orderId), data.state);
    case "progress": {
      const cells = row(data.orderId);
      if (cells.state.textContent === "shipped") return; // late news of a worker that was taken for dead
      cells.worker.textContent = data.worker;
      cells.bar.value = data.percent;
    }
  }
}

/** Load the table. Whatever commits after the stream was opened comes by the stream, so nothing falls between. */
async function load() {
  const answer = await fetch("/api/orders");
  if (!answer.ok) throw new Error(`the orders can't be loaded: ${answer.status}`);
  for (const order of (await answer.json()).reverse()) show(order);
}

async function token() {
  const answer = await fetch("/api/token");
  if (!answer.ok) throw new Error(`there is no token: ${answer.status}`);
  return answer.json();
}

follow(token, {
  onOpen: load,
  onMessage: receive,
  onState(state) {
    connection.dataset.state = state;
    connection.textContent = state === "open" ? "Connected." : "The connection is lost. Trying again…";
  },
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { item, quantity } = Object.fromEntries(new FormData(form));
  try {
    const answer = await fetch("/api/orders", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ item, quantity: Number(quantity) }),
    });
    refusal.textContent = answer.ok ? "" : (await answer.json()).detail;
  } catch {
    refusal.textContent = "The server can't be reached. Try again.";
  }
});

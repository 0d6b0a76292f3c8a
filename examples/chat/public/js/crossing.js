import { byId, milliseconds } from "./dom.js";

/** Duration of the boat's steps in milliseconds, slow enough to watch an upgrade of a few milliseconds. */
const STEP_TIME = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 550;

const STATES = {
  connecting: () => "Connecting …",
  crossing: () => "On polling, trying to cross to WebSocket …",
  refused: () => "The WebSocket was refused. Everything works on polling, too.",
  websocket: () => "The upgrade is done: polling carried the boat over to WebSocket.",
  lost: (detail) => `Adrift (${detail}). Trying to come back …`,
  ended: () => "The server has stopped. Waiting for it to come back …",
};

/** The panel of the transport: the steps as they happen, the boat with a delay. */
export class Crossing {
  #panel = byId("crossing");
  #river = byId("river");
  #steps = [...byId("steps").children];
  #start = 0;
  #queue = [];
  #timer;

  /** Handles a new attempt to connect: back to the left river. */
  begin() {
    this.#start = performance.now();
    for (const step of this.#steps) {
      step.className = "";
      step.lastElementChild.textContent = "";
    }
    this.#queue = [];
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#river.dataset.at = "0";
  }

  /** Marks one of the five steps as done. */
  reach(index) {
    const step = this.#steps[index];
    if (step.className === "done") return;
    step.className = "done";
    step.lastElementChild.textContent = index === 0 ? "start" : `+${milliseconds(performance.now() - this.#start)}`;
    if (index === 0) this.#start = performance.now();
    this.#queue.push(index);
    if (this.#timer === undefined) this.#move();
  }

  /** Handles a failed probe: the boat turns back. */
  refuse() {
    this.#steps[1].className = "refused";
    this.#steps[1].lastElementChild.textContent = "refused";
    this.#queue.push(0);
    if (this.#timer === undefined) this.#move();
    this.show("refused");
  }

  show(state, detail) {
    this.#panel.dataset.state = state;
    byId("state").textContent = STATES[state](detail);
  }

  showTransport(name) {
    const transport = byId("transport");
    transport.dataset.transport = name ?? "none";
    transport.textContent = name ?? "nothing";
  }

  #move() {
    const next = this.#queue.shift();
    if (next === undefined) {
      this.#timer = undefined;
      return;
    }
    this.#river.dataset.at = String(next);
    this.#timer = setTimeout(() => this.#move(), next === 0 ? 0 : STEP_TIME);
  }
}

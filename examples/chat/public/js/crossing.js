import { byId, milliseconds } from "./dom.js";
import { Steps } from "./steps.js";

/** Duration of the boat's steps in milliseconds, slow enough to watch an upgrade of a few milliseconds. */
const STEP_TIME = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 550;

/** Where the boat is: on the left river, on the three places of its way over land, on the right river. */
const LEFT = 0;
const RIGHT = 4;

const STATES = {
  connecting: () => "Connecting …",
  crossing: () => "On polling, trying to cross to WebSocket …",
  refused: () => "The WebSocket was refused. Everything works on polling, too.",
  websocket: (detail) => detail ?? "The upgrade is done: polling carried the boat over to WebSocket.",
  adrift: () => "The boat has sunk. Polling takes its load …",
  resting: () => "WebSocket broke down twice and rests. Polling carries every message meanwhile.",
  lost: (detail) => `Adrift (${detail}). Trying to come back …`,
  ended: () => "The server has stopped. Waiting for it to come back …",
};

/** The panel of the transport: the steps as they happen, the boat with a delay. */
export class Crossing {
  #panel = byId("crossing");
  #river = byId("river");
  #steps = new Steps(byId("steps"));
  #start = 0;
  /** Places that the boat has to pass, and `sunk`. */
  #queue = [];
  #timer;
  /** How the last return went; undefined if the session has not lost a transport. */
  #return;

  /** Handles a new attempt to connect: back to the left river. */
  begin() {
    this.#start = performance.now();
    this.#return = undefined;
    this.#steps.begin();
    this.#halt();
    this.#place(LEFT);
  }

  /** Marks one of the five steps as done. */
  reach(index) {
    const text = index === 0 ? "start" : `+${milliseconds(performance.now() - this.#start)}`;
    if (!this.#steps.reach(index, text)) return;
    if (index === 0) this.#start = performance.now();
    this.#sail([index]);
  }

  /** Handles a failed probe: the boat turns back. */
  refuse() {
    this.#steps.refuse(1, "refused");
    this.#sail([LEFT]);
    this.show("refused");
  }

  /** Handles a lost transport: the boat sinks, and is carried back over the hill. */
  sink() {
    const at = Number(this.#river.dataset.at);
    this.#steps.begin();
    this.#halt();
    const way = Array.from({ length: at }, (_, index) => at - 1 - index);
    this.#sail([...(at === LEFT || at === RIGHT ? ["sunk"] : []), ...(way.length > 0 ? way : [LEFT])]);
  }

  /** Handles the return to the session. */
  carried(to, time) {
    this.#return = `The boat sank. Polling carried on after ${time.slice(1)}, and nothing was lost.`;
    this.showTransport(to);
    this.#start = performance.now();
    if (to === "websocket") {
      this.#sail([1, 2, 3, RIGHT]);
      this.show("websocket", `The boat sank. Another one carried on after ${time.slice(1)}, and nothing was lost.`);
    } else {
      this.#steps.reach(0, "carried");
      this.show("crossing");
    }
  }

  /** Handles the upgrade. */
  arrive() {
    this.reach(RIGHT);
    this.showTransport("websocket");
    this.show("websocket", this.#return && `${this.#return} Now it is back on the water.`);
  }

  show(state, detail) {
    this.#panel.dataset.state = state;
    byId("state").textContent = STATES[state](detail);
  }

  showTransport(name) {
    const transport = byId("transport");
    transport.dataset.transport = name ?? "none";
    transport.textContent = name ?? "nothing";
    byId("sink").textContent = name === "polling" ? "Sink the poll" : "Sink the boat";
  }

  #sail(places) {
    this.#queue.push(...places);
    if (this.#timer === undefined) this.#move();
  }

  #halt() {
    this.#queue = [];
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #place(place) {
    if (place !== "sunk") this.#river.dataset.at = String(place);
    this.#river.classList.toggle("sunk", place === "sunk");
  }

  #move() {
    const next = this.#queue.shift();
    if (next === undefined) {
      this.#timer = undefined;
      return;
    }
    const isThere = this.#river.dataset.at === String(next) && !this.#river.classList.contains("sunk");
    this.#place(next);
    this.#timer = setTimeout(() => this.#move(), isThere ? 0 : STEP_TIME);
  }
}

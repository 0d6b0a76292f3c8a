import { byId, milliseconds } from "../dom.js";
import { Steps } from "../steps.js";

/** Shows how a session survives the death of its transport, and how long WebSocket rests after two of them. */
export class Carry {
  #crossing;
  #log;
  #steps = new Steps(byId("carry-steps"));
  /** When the return began; undefined while a transport carries the session. */
  #start;
  #again = 0;
  #restTimer;

  constructor(crossing, log) {
    this.#crossing = crossing;
    this.#log = log;
  }

  /** Handles a new engine: it has not lost anything. */
  begin() {
    this.#start = undefined;
    this.#steps.begin();
    byId("carry-steps").hidden = true;
    this.#wake();
  }

  /** Handles a transport before it opens. One with a key returns to the session. */
  onTransport({ name, query: { carry, key, turn } }, engine) {
    if (key === undefined) return;
    if (this.#start === undefined) this.#sink(engine);
    this.#steps.reach(1, this.#elapsed);
    this.#log.note(`carry: returning by ${name}, turn ${turn}; this page has ${carry} messages`);
  }

  #sink({ transport, diagnosis }) {
    this.#start = performance.now();
    this.#again = 0;
    this.#wake();
    byId("carry-steps").hidden = false;
    this.#steps.begin();
    const { failure } =
      diagnosis.attempts.findLast((attempt) => attempt.failure && attempt.outcome !== "skipped") ?? {};
    const code = failure?.closeCode ? ` (${failure.closeCode})` : "";
    const what = transport.name === "polling" ? "poll" : "WebSocket";
    this.#log.problem(`carry: the ${what} broke off${code}; the session goes on`);
    this.#steps.reach(0, what);
    this.#crossing.sink();
    this.#crossing.show("adrift");
  }

  onPacket(direction, text) {
    if (this.#start === undefined) return;
    if (direction === "out") this.#again += text.startsWith("4") || text.startsWith("binary") ? 1 : 0;
    else if (/^6\d+$/.test(text)) {
      this.#steps.reach(2, this.#elapsed);
      this.#log.note(`carry: the server has ${text.slice(1)} messages`);
    }
  }

  /** Handles the return. */
  onCarried(from, to) {
    const time = this.#elapsed;
    this.#steps.reach(3, `${this.#again} sent again`);
    this.#log.note(`carried from ${from} to ${to}, ${time}: ${this.#again} sent again`);
    this.#start = undefined;
    this.#crossing.carried(to, time);
  }

  /** Shows that WebSocket is not tried for a while, if so. */
  showRest({ attempts }) {
    const nextAt = attempts.findLast(({ outcome }) => outcome === "skipped")?.nextAt ?? 0;
    if (nextAt <= Date.now()) return;
    this.#crossing.show("resting");
    const tick = () => {
      const seconds = Math.ceil((nextAt - Date.now()) / 1000);
      if (seconds <= 0) return this.#wake();
      byId("rest").hidden = false;
      byId("rest").textContent = `WebSocket rests for ${seconds} s`;
      this.#restTimer = setTimeout(tick, 1000);
    };
    this.#wake();
    this.#log.note(`WebSocket rests until ${new Date(nextAt).toTimeString().slice(0, 8)}`);
    tick();
  }

  /** Hides the rest of WebSocket. */
  #wake() {
    clearTimeout(this.#restTimer);
    byId("rest").hidden = true;
  }

  get #elapsed() {
    return `+${milliseconds(performance.now() - this.#start)}`;
  }
}

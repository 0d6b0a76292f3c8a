// A storm: the page and the server send each other numbered messages, while the server sinks what carries them.
import { Tally } from "../public/js/carry/tally.js";
import { answer, Refusal } from "./validation.mjs";

/** Milliseconds between two numbered messages of the server. */
const GUST_INTERVAL = 50;
const GUSTS_PER_SINKING = 20;
const SINKINGS = 10;
/** The last sinking is survived in the rest of the storm. */
const GUSTS = SINKINGS * GUSTS_PER_SINKING + 10;
/** Largest number of a page's message. A storm has about as many as gusts. */
const MAX_WAVE = 1000;

class Storm {
  #socket;
  #sink;
  #waves = new Tally();
  #gusts = 0;
  #timer;

  constructor(socket, sink) {
    this.#socket = socket;
    this.#sink = sink;
    this.#timer = setInterval(() => this.#blow(), GUST_INTERVAL);
  }

  #blow() {
    this.#gusts += 1;
    this.#socket.emit("gust", this.#gusts);
    if (this.#gusts === GUSTS) {
      this.stop();
      this.#socket.emit("storm-over", this.#gusts);
    } else if (this.#gusts % GUSTS_PER_SINKING === 0) this.#sink(this.#socket.conn);
  }

  /** Counts a message of the page. */
  take(number) {
    if (Number.isSafeInteger(number) && number > 0 && number <= MAX_WAVE) this.#waves.take(number);
  }

  /** @param sent how many messages the page has sent */
  report(sent) {
    return this.#waves.report(sent);
  }

  stop() {
    clearInterval(this.#timer);
  }
}

/** Opens storms for one page. */
export function openStorm(socket, sink) {
  let storm;
  answer(socket, "storm", () => {
    if (storm) throw new Refusal("A storm is under way.");
    storm = new Storm(socket, sink);
    return { sinkings: SINKINGS };
  });
  socket.on("wave", (number) => storm?.take(number));
  answer(socket, "calm", (sent) => {
    if (!storm) throw new Refusal("No storm is under way.");
    storm.stop();
    const report = storm.report(sent);
    storm = undefined;
    return report;
  });
  socket.on("disconnect", () => storm?.stop());
}

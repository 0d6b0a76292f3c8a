import { byId, milliseconds } from "./dom.js";

const INTERVAL = 2000;
const SAMPLES = 40;
/** Limit in milliseconds for the delay of the first measurement until an upgrade, which may never happen. */
const UPGRADE_TIME = 3000;

/** Measures the round trip every two seconds, and draws the last times. */
export class RoundTrip {
  #socket;
  #samples = [];
  #timer;

  constructor(socket) {
    this.#socket = socket;
  }

  start() {
    const socket = this.#socket;
    socket.on("connect", () => this.#begin());
    socket.on("disconnect", () => {
      clearTimeout(this.#timer);
      byId("round-trip").textContent = "–";
    });
  }

  /** The first measurement waits for the upgrade: during it, the time would represent neither transport. */
  #begin() {
    const { engine } = this.#socket.io;
    if (engine.transport.name === "websocket") return this.#measure();
    const settled = () => this.#socket.io.engine === engine && this.#socket.connected && this.#measure();
    engine.once("upgrade", settled);
    engine.once("upgradeError", settled);
    this.#timer = setTimeout(settled, UPGRADE_TIME);
  }

  #measure() {
    clearTimeout(this.#timer);
    const start = performance.now();
    this.#socket.timeout(2 * INTERVAL).emit("echo", (error) => {
      if (!this.#socket.connected) return;
      if (!error) this.#add(performance.now() - start);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#measure(), INTERVAL);
    });
  }

  #add(ms) {
    this.#samples = [...this.#samples, ms].slice(-SAMPLES);
    byId("round-trip").textContent = milliseconds(ms);
    const top = Math.max(...this.#samples, 1);
    const points = this.#samples.map((sample, index) => {
      const x = index * (120 / (SAMPLES - 1));
      return `${x.toFixed(1)},${(26 - (sample / top) * 23).toFixed(1)}`;
    });
    byId("sparkline").firstElementChild.setAttribute("points", points.join(" "));
  }
}

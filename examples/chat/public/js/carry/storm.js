import { byId } from "../dom.js";
import { Tally } from "./tally.js";

/** Milliseconds between two numbered messages of the page. */
const WAVE_INTERVAL = 50;
/** Milliseconds for the server to answer. */
const ANSWER_TIME = 5000;

/** The storm: numbered messages both ways, while the server sinks what carries them, every second for ten seconds. */
export class Storm {
  #socket;
  #log;
  #gusts = new Tally();
  #waves = 0;
  #sinkings = 0;
  #timer;

  constructor(socket, log) {
    this.#socket = socket;
    this.#log = log;
    byId("storm").addEventListener("click", () => this.#ask());
    socket.on("gust", (number) => this.#take(number));
    socket.on("storm-over", (gusts) => this.#finish(gusts));
    socket.on("disconnect", () => this.#abort());
  }

  /** Counts a transport that was lost and survived. */
  onCarried() {
    if (this.#timer === undefined) return;
    this.#sinkings += 1;
    this.#render(this.#gusts.report());
  }

  #ask() {
    byId("storm").disabled = true;
    this.#socket.timeout(ANSWER_TIME).emit("storm", (error, answer) => {
      if (!error && answer.ok) return this.#start(answer);
      byId("storm").disabled = !this.#socket.connected;
      this.#say(error ? "The server did not answer." : answer.error);
    });
  }

  #start({ sinkings }) {
    this.#sinkings = 0;
    this.#waves = 0;
    byId("storm-progress").max = sinkings;
    this.#timer = setInterval(() => {
      this.#waves += 1;
      this.#socket.emit("wave", this.#waves);
    }, WAVE_INTERVAL);
    this.#render(this.#gusts.report());
    this.#say("A storm: every second, what carries the messages is sunk.");
    this.#log.note("storm: its numbered messages are counted, not listed");
  }

  /** The first one may arrive before the answer to the request. */
  #take(number) {
    if (number === 1) this.#gusts = new Tally();
    this.#gusts.take(number);
    this.#render(this.#gusts.report());
  }

  #finish(gusts) {
    this.#stop();
    const here = this.#gusts.report(gusts);
    this.#socket.timeout(ANSWER_TIME).emit("calm", this.#waves, (error, there) => {
      byId("storm").disabled = !this.#socket.connected;
      if (error || !there.ok) return this.#say("The server did not say what it has received.");
      const total = {
        received: here.received + there.received,
        lost: here.lost + there.lost,
        doubled: here.doubled + there.doubled,
        disordered: here.disordered + there.disordered,
      };
      this.#render(total);
      const counts = `${total.lost} lost, ${total.doubled} doubled, ${total.disordered} out of order`;
      this.#say(`The storm is over. Sunk ${this.#sinkings} times, ${total.received} messages: ${counts}.`);
      this.#log.note(`storm over: ${counts}`);
    });
  }

  #abort() {
    if (this.#timer === undefined) return;
    this.#stop();
    this.#say("The storm has ended: the page was disconnected.");
  }

  #stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #say(text) {
    byId("storm-panel").hidden = false;
    byId("storm-state").textContent = text;
  }

  #render({ received, lost, doubled, disordered }) {
    byId("storm-progress").value = this.#sinkings;
    byId("storm-received").textContent = String(received);
    byId("storm-lost").textContent = String(lost);
    byId("storm-doubled").textContent = String(doubled);
    byId("storm-disordered").textContent = String(disordered);
  }
}

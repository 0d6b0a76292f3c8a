// The user's page.
import { Carry } from "./carry/carry.js";
import { Storm } from "./carry/storm.js";
import { Chat } from "./chat.js";
import { Crossing } from "./crossing.js";
import { byId, element, loadedClient, randomId, storage } from "./dom.js";
import { EventLog } from "./event-log.js";
import { RoundTrip } from "./round-trip.js";
import { watchWire } from "./wire.js";

const ANNOUNCEMENT_TIME = 6000;

const io = loadedClient();
const log = new EventLog();
const crossing = new Crossing();
const carry = new Carry(crossing, log);
/** Numbered messages of a storm: too many for the list. */
const STORM_MESSAGE = /^42\["(?:wave|gust)",/;

// Open on wide screens, where the figures fit beside the river; on narrow ones they would push the chat away.
byId("figures").open = matchMedia("(min-width: 44rem)").matches;

const session = () => sessionStorage;
const page = storage.get(session, "portage-page") ?? randomId();
storage.set(session, "portage-page", page);

const socket = io({
  autoConnect: false,
  auth: (send) => send(chat.identity),
  reconnectionDelay: 400,
  reconnectionDelayMax: 4000,
});
const manager = socket.io;
const chat = new Chat(socket, page);
const storm = new Storm(socket, log);
new RoundTrip(socket).start();

const packets = { in: 0, out: 0 };
let connections = 0;

function onPacket(direction, transport, text) {
  packets[direction] += 1;
  byId("packets").textContent = `${packets.in} / ${packets.out}`;
  if (!STORM_MESSAGE.test(text)) log.packet(direction, transport, text);
  carry.onPacket(direction, text);
  if (direction === "out" && text === "2probe") crossing.reach(1);
  if (direction === "in" && text === "3probe") crossing.reach(2);
  if (direction === "out" && text === "5") crossing.reach(3);
}

function onEngine(engine) {
  crossing.begin();
  carry.begin();
  engine.on("open", () => {
    log.note(`open: ${engine.transport.name}, session ${engine.id}`);
    crossing.reach(0);
    crossing.showTransport(engine.transport.name);
    crossing.show("crossing");
    carry.showRest(engine.diagnosis);
  });
  engine.on("upgrading", (transport) => log.note(`upgrading to ${transport.name}`));
  engine.on("upgrade", (transport) => {
    log.note(`upgraded to ${transport.name}`);
    crossing.arrive();
  });
  engine.on("carried", (from, to) => {
    carry.onCarried(from, to);
    storm.onCarried();
    if (to === "polling") carry.showRest(engine.diagnosis);
  });
  engine.on("upgradeError", (error) => {
    // Also emitted when the whole connection ends during the probe; then the page has no transport to stay on.
    if (engine.readyState !== "open") return;
    log.problem(`upgrade failed: ${error.message}`);
    crossing.refuse();
  });
}

/** Shows why the page is disconnected. The server's farewell explains more than the closed connection after it. */
function showLoss(reason) {
  if (byId("crossing").dataset.state !== "ended") crossing.show("lost", reason);
}

const onTransport = (transport, engine) => carry.onTransport(transport, engine);
const lookAtEngine = watchWire(manager, { onEngine, onTransport, onPacket });

function enableActions(isConnected) {
  for (const id of ["cut", "sink", "storm"]) byId(id).disabled = !isConnected;
}

socket.on("connect", () => {
  connections += 1;
  byId("connections").textContent = String(connections);
  byId("socket-id").textContent = socket.id;
  enableActions(true);
  log.note(`connect: socket ${socket.id}`);
});
socket.on("connect_error", (error) => {
  log.problem(`connect_error: ${error.message}`);
  showLoss(error.message);
});
socket.on("disconnect", (reason) => {
  enableActions(false);
  byId("socket-id").textContent = "–";
  crossing.showTransport(undefined);
  log.problem(`disconnect: ${reason}`);
  showLoss(reason);
});
manager.on("reconnect_attempt", (attempt) => log.note(`reconnect_attempt ${attempt}`));
manager.on("reconnect", (attempt) => log.note(`reconnect after ${attempt} ${attempt === 1 ? "attempt" : "attempts"}`));
socket.on("goodbye", (confirm) => {
  confirm();
  crossing.show("ended");
});

// Sent by a server that runs with `--workers`: its ids begin with the worker's tag.
socket.on("workers", ({ worker, count }) => {
  const tag = element("code", { textContent: worker });
  byId("worker").replaceChildren("Served by worker ", tag, count === 1 ? ", the only one" : `, one of ${count}`);
  byId("worker").hidden = false;
});

socket.on("announcement", ({ text }) => {
  const notice = element("p", { textContent: text });
  byId("announcements").append(notice);
  setTimeout(() => notice.remove(), ANNOUNCEMENT_TIME);
});

byId("cut").addEventListener("click", () => socket.emit("cut"));

byId("sink").addEventListener("click", () => socket.emit("sink"));

byId("block").addEventListener("click", () => {
  const isBlocked = manager.opts.query?.websocket === "blocked";
  manager.opts.query = isBlocked ? {} : { websocket: "blocked" };
  byId("block").textContent = isBlocked ? "Block WebSocket" : "Allow WebSocket";
  log.note(isBlocked ? "WebSocket is let through again" : "WebSocket is blocked for this page");
  socket.disconnect();
  connect();
});

function connect() {
  crossing.show("connecting");
  socket.connect();
  lookAtEngine();
}

connect();

// The sender's page.
import { Announcement } from "./announcement.js";
import { byId, element, loadedClient } from "./dom.js";
import { EventLog } from "./event-log.js";
import { watchWire } from "./wire.js";

const ANSWER_TIME = 5000;
const MAX_RESULTS = 30;

const io = loadedClient();
const log = new EventLog();
const socket = io("/broadcast", { autoConnect: false, reconnectionDelay: 400, reconnectionDelayMax: 4000 });
const announcements = new Map();

const lookAtEngine = watchWire(socket.io, {
  onPacket: log.packet,
  onEngine(engine) {
    engine.on("upgrade", (transport) => {
      log.note(`upgraded to ${transport.name}`);
      if (socket.connected) showState(`Connected over ${transport.name}.`);
    });
  },
});

function showState(text) {
  byId("state").textContent = text;
  byId("send").disabled = !socket.connected;
}

socket.on("connect", () => {
  log.note(`connect: socket ${socket.id}`);
  showState(`Connected over ${socket.io.engine.transport.name}.`);
});
socket.on("connect_error", (error) => log.problem(`connect_error: ${error.message}`));
socket.on("disconnect", (reason) => {
  log.problem(`disconnect: ${reason}`);
  showState(`Adrift (${reason}). Trying to come back …`);
});
socket.on("goodbye", (confirm) => {
  confirm();
  log.problem("goodbye: the server stops");
});

/** Replaces the options of a list. Keeps the choice if it still exists. */
function fillSelect(select, options) {
  const { value } = select;
  select.replaceChildren(...options.map(([key, text]) => element("option", { value: key, textContent: text })));
  if (options.some(([key]) => key === value)) select.value = value;
}

const describeRoom = (room, count) => [room, `${room} (${count} ${count === 1 ? "page" : "pages"})`];

socket.on("pages", ({ pages, limits }) => {
  byId("text").maxLength = limits.text;
  byId("fleet-count").textContent = String(pages.length);
  byId("fleet-empty").hidden = pages.length > 0;
  const rows = pages.map(({ name, rooms, transport }) =>
    element(
      "li",
      {},
      element("b", { textContent: name }),
      element("span", { textContent: rooms.join(", ") }),
      element("code", { textContent: transport, dataset: { transport } }),
    ),
  );
  byId("fleet").replaceChildren(...rows);

  const counts = new Map();
  for (const room of pages.flatMap((page) => page.rooms)) counts.set(room, (counts.get(room) ?? 0) + 1);
  fillSelect(
    byId("room"),
    [...counts].map(([room, count]) => describeRoom(room, count)),
  );
  fillSelect(
    byId("page"),
    pages.map(({ id, name }) => [id, `${name} · ${id.slice(0, 4)}`]),
  );
});

socket.on("receipts", ({ number, receipts }) => {
  announcements.get(number)?.add(receipts);
  for (const { name, ms } of receipts) {
    if (ms === undefined) log.problem(`no receipt from ${name}`);
    else log.note(`receipt from ${name} after ${ms.toFixed(2)} ms`);
  }
});

const form = byId("announce");

/** Returns the request for the server, and its description. */
function readForm() {
  const { to, text, room, page } = form.elements;
  const name = page.selectedOptions[0]?.textContent;
  const words = { all: "every page", room: `the room ${room.value}`, except: `every page but ${name}` };
  return {
    request: { text: text.value, to: to.value, room: room.value, page: page.value },
    audience: words[to.value],
  };
}

function complain(problem) {
  byId("problem").textContent = problem;
}

form.addEventListener("change", () => {
  byId("room").disabled = form.elements.to.value !== "room";
  byId("page").disabled = form.elements.to.value !== "except";
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  complain("");
  const { request, audience } = readForm();
  socket.timeout(ANSWER_TIME).emit("announce", request, (error, answer) => {
    if (error) complain("The server did not answer.");
    else if (!answer.ok) complain(answer.error);
    else showAnnouncement(answer, request.text, audience);
  });
});

function showAnnouncement({ number, of }, text, audience) {
  const announcement = new Announcement(text, audience, of);
  announcements.set(number, announcement);
  byId("results").prepend(announcement.element);
  byId("results-empty").hidden = true;
  byId("text").select();
  if (announcements.size <= MAX_RESULTS) return;
  const [oldest, result] = announcements.entries().next().value;
  announcements.delete(oldest);
  result.element.remove();
}

socket.connect();
lookAtEngine();

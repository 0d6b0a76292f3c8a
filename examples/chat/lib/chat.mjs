// Events of the user's pages, in the main namespace. Each room of the chat is a Socket.IO room.
import { answer, LIMITS, readName, readPicture, readRecord, readRoomName, readText, Refusal } from "./validation.mjs";
import { channelOf, Rooms } from "./rooms.mjs";
import { openStorm } from "./storm.mjs";
import { SharedRooms } from "./workers.mjs";

/** Time limit for the other pages to confirm a message, in milliseconds. */
const DELIVERY_TIME = 5000;
/** The room that pages without a library watch. */
const WATCHED_ROOM = "harbour";

/** Returns a message for other pages, without its key and its page. */
const publicForm = ({ id, name, text, picture, time }) => ({ id, name, text, picture, time });

/** One user's page. */
class Page {
  #socket;
  #rooms;
  #onChange;
  #sink;

  constructor(socket, rooms, { onChange, sink }) {
    this.#socket = socket;
    this.#rooms = rooms;
    this.#onChange = onChange;
    this.#sink = sink;
    const auth = this.#readAuth();
    // Other workers read it: plain data.
    socket.data = { name: auth.name, page: auth.page, rooms: [], transport: socket.conn.transport.name };
    socket.emit("welcome", { id: socket.id, name: auth.name, limits: LIMITS });
    // A page that reconnects sends its rooms in the handshake, so it joins them before its first event.
    for (const room of auth.rooms) this.#return(room);
    this.#listen();
    onChange();
  }

  /** Reads the page's own data, with defaults for missing or invalid values. */
  #readAuth() {
    const { name, page, rooms } = this.#socket.handshake.auth ?? {};
    const or = (read, value, fallback) => {
      try {
        return read(value);
      } catch {
        return fallback;
      }
    };
    const wanted = Array.isArray(rooms) ? rooms.slice(0, LIMITS.roomsPerPage) : [];
    return {
      name: or(readName, name, `Guest ${this.#socket.id.slice(0, 4)}`),
      page: or((value) => readText(value, "page", LIMITS.key), page, this.#socket.id),
      rooms: wanted.map((room) => or(readRoomName, room, "")).filter((room) => room !== ""),
    };
  }

  #listen() {
    const socket = this.#socket;
    answer(socket, "echo", () => {});
    answer(socket, "name", (name) => this.#rename(readName(name)));
    answer(socket, "join", (room) => this.#enter(readRoomName(room)));
    answer(socket, "leave", (room) => this.#leave(readRoomName(room)));
    answer(socket, "say", (message) => this.#say(readRecord(message)));
    answer(socket, "cut", () => void socket.conn.close(true));
    answer(socket, "sink", () => this.#sink(socket.conn));
    openStorm(socket, this.#sink);
    for (const change of ["upgrade", "carried"]) socket.conn.on(change, () => this.#showTransport());
    socket.on("disconnect", () => {
      for (const room of socket.data.rooms) this.#leave(room);
      this.#onChange();
    });
  }

  #showTransport() {
    this.#socket.data.transport = this.#socket.conn.transport.name;
    this.#onChange();
  }

  #rename(name) {
    this.#socket.data.name = name;
    for (const room of this.#socket.data.rooms) this.#rooms.setMember(room, this.#socket.id, name);
    this.#onChange();
  }

  /** Enters a room while connecting. The page expects no acknowledgement, so a refusal becomes an event. */
  #return(room) {
    try {
      this.#enter(room);
    } catch (error) {
      this.#socket.emit("refused", { room, error: error.message });
    }
  }

  #enter(name) {
    const { data } = this.#socket;
    if (!data.rooms.includes(name) && data.rooms.length >= LIMITS.roomsPerPage) {
      throw new Refusal(`A page can be in ${LIMITS.roomsPerPage} rooms. Leave one first.`);
    }
    const room = this.#rooms.open(name);
    if (!data.rooms.includes(name)) data.rooms.push(name);
    this.#socket.join(channelOf(name));
    const messages = room.messages.map((each) => ({ ...publicForm(each), isMine: each.page === data.page }));
    this.#socket.emit("history", { room: name, messages });
    this.#rooms.setMember(name, this.#socket.id, data.name);
    this.#onChange();
    return { room: name };
  }

  #leave(name) {
    const { data } = this.#socket;
    if (!data.rooms.includes(name)) return;
    data.rooms = data.rooms.filter((each) => each !== name);
    this.#socket.leave(channelOf(name));
    this.#rooms.setMember(name, this.#socket.id, undefined);
    this.#onChange();
  }

  #say({ room: roomName, key: rawKey, text, picture: bytes }) {
    const name = readRoomName(roomName);
    if (!this.#socket.data.rooms.includes(name)) throw new Refusal("Join the room first.");
    const room = this.#rooms.get(name);
    const { page } = this.#socket.data;
    const key = readText(rawKey, "key", LIMITS.key);
    const known = room.find(page, key);
    if (known) return { id: known.id, time: known.time };

    const picture = readPicture(bytes);
    const content = picture && text === "" ? "" : readText(text, "message", LIMITS.text);
    const message = this.#rooms.add(name, { name: this.#socket.data.name, page, key, text: content, picture });
    this.#deliver(room, message);
    return { id: message.id, time: message.time };
  }

  /** Sends the message to the others in the room, and the number of confirmations to its page. */
  #deliver(room, message) {
    const others = room.members.size - 1;
    this.#socket
      .to(channelOf(room.name))
      .timeout(DELIVERY_TIME)
      .emit("message", { room: room.name, ...publicForm(message) }, (_error, answers) => {
        // In a room without others this is called at once, but the page must get the answer to its request first.
        setImmediate(() => this.#socket.emit("delivered", { id: message.id, count: answers.length, of: others }));
      });
  }
}

/** Shows a room to a page without a library, which can't speak or confirm, and so is not a member. */
function showTo(socket, rooms) {
  const room = rooms.open(WATCHED_ROOM);
  socket.join(channelOf(room.name));
  socket.emit("history", { room: room.name, messages: room.messages.map(publicForm) });
  socket.emit("members", { room: room.name, names: room.names() });
}

/**
 * Opens the chat on the main namespace. Calls `onChange` when a page came, left or changed, and `sink` to kill what carries
 * a page's session.
 */
export function openChat(io, { onChange, sink }) {
  const rooms = new SharedRooms(io, new Rooms(), onChange);
  const host = {
    sink,
    onChange: () => {
      onChange();
      rooms.change();
    },
  };
  io.on("connection", (socket) =>
    socket.conn.transport.name === "sse" ? showTo(socket, rooms) : new Page(socket, rooms, host),
  );
}

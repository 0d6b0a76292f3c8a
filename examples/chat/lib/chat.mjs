// What the user's pages can do. They live in the main namespace, each room of the chat is a room of it.
import { answer, LIMITS, readName, readPicture, readRecord, readRoomName, readText, Refusal } from "./validation.mjs";
import { Rooms } from "./rooms.mjs";

/** How long the other pages may take to confirm a message, in milliseconds. */
const DELIVERY_TIME = 5000;

/** The Socket.IO room of a room of the chat. The prefix keeps it apart from socket ids, which are rooms as well. */
export const channelOf = (room) => `room:${room}`;

/** A message as other pages see it: without the key and the page it came from. */
const publicForm = ({ id, name, text, picture, time }) => ({ id, name, text, picture, time });

/** One user's page. */
class Page {
  #socket;
  #rooms;
  #onChange;

  constructor(socket, rooms, onChange) {
    this.#socket = socket;
    this.#rooms = rooms;
    this.#onChange = onChange;
    const auth = this.#readAuth();
    socket.data = { name: auth.name, page: auth.page, rooms: new Set() };
    socket.emit("welcome", { id: socket.id, name: auth.name, limits: LIMITS });
    // A page that was away names its rooms while it connects: it is back in them before anything it sends.
    for (const room of auth.rooms) this.#return(room);
    this.#listen();
    onChange();
  }

  /** What the page says about itself. Nothing of it is needed: a page that says nonsense gets the defaults. */
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
    socket.conn.on("upgrade", this.#onChange);
    socket.on("disconnect", () => {
      for (const room of socket.data.rooms) this.#leave(room);
      this.#onChange();
    });
  }

  #rename(name) {
    this.#socket.data.name = name;
    for (const room of this.#socket.data.rooms) this.#announceMembers(this.#rooms.get(room), name);
    this.#onChange();
  }

  /** Enters a room while connecting: nobody waits for an answer, so a refusal becomes an event. */
  #return(room) {
    try {
      this.#enter(room);
    } catch (error) {
      this.#socket.emit("refused", { room, error: error.message });
    }
  }

  #enter(name) {
    const { data } = this.#socket;
    if (!data.rooms.has(name) && data.rooms.size >= LIMITS.roomsPerPage) {
      throw new Refusal(`A page can be in ${LIMITS.roomsPerPage} rooms. Leave one first.`);
    }
    const room = this.#rooms.open(name);
    data.rooms.add(name);
    this.#socket.join(channelOf(name));
    const messages = room.messages.map((each) => ({ ...publicForm(each), isMine: each.page === data.page }));
    this.#socket.emit("history", { room: name, messages });
    this.#announceMembers(room, data.name);
    this.#onChange();
    return { room: name };
  }

  #leave(name) {
    const room = this.#rooms.get(name);
    if (!this.#socket.data.rooms.delete(name)) return;
    this.#socket.leave(channelOf(name));
    this.#announceMembers(room, undefined);
    this.#onChange();
  }

  /** Tells the room who is in it, after this page came, changed its name, or (without a name) left. */
  #announceMembers(room, name) {
    if (name === undefined) room.members.delete(this.#socket.id);
    else room.members.set(this.#socket.id, name);
    this.#socket.nsp.to(channelOf(room.name)).emit("members", { room: room.name, names: [...room.members.values()] });
  }

  #say({ room: roomName, key: rawKey, text, picture: bytes }) {
    const name = readRoomName(roomName);
    if (!this.#socket.data.rooms.has(name)) throw new Refusal("Join the room first.");
    const room = this.#rooms.get(name);
    const { page } = this.#socket.data;
    const key = readText(rawKey, "key", LIMITS.key);
    const known = room.find(page, key);
    if (known) return { id: known.id, time: known.time };

    const picture = readPicture(bytes);
    const content = picture && text === "" ? "" : readText(text, "message", LIMITS.text);
    const message = room.add({ name: this.#socket.data.name, page, key, text: content, picture });
    this.#deliver(room, message);
    return { id: message.id, time: message.time };
  }

  /** Sends the message to the others in the room, and the number of those who confirmed it to the page it is from. */
  #deliver(room, message) {
    const others = room.members.size - 1;
    this.#socket
      .to(channelOf(room.name))
      .timeout(DELIVERY_TIME)
      .emit("message", { room: room.name, ...publicForm(message) }, (_error, answers) => {
        // In a room without others this is called at once: the page must get the answer to its request first.
        setImmediate(() => this.#socket.emit("delivered", { id: message.id, count: answers.length, of: others }));
      });
  }
}

/** Opens the chat on the main namespace. `onChange` is called when a page came, went, or changed. */
export function openChat(io, onChange) {
  const rooms = new Rooms();
  io.on("connection", (socket) => new Page(socket, rooms, onChange));
}

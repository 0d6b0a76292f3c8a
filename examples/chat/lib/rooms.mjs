import { Refusal } from "./validation.mjs";

const MAX_ROOMS = 100;
const MAX_MESSAGES = 50;
/** Only the last messages keep their picture: memory is bounded by rooms x pictures x their size. */
const MAX_PICTURES = 4;

/** Returns the Socket.IO room of a chat room. The prefix avoids a collision with socket ids, which are rooms too. */
export const channelOf = (room) => `room:${room}`;

/** Returns a message without the bytes of its picture. */
const withoutBytes = (message) => ({ ...message, picture: message.picture && { type: message.picture.type } });

/** A room: its members and recent messages. */
class Room {
  /** For each page in the room, by socket id: its name, and the worker that serves it. */
  members = new Map();
  messages = [];
  #count = 0;

  constructor(name) {
    this.name = name;
  }

  /** Returns an earlier message with the same key, as pages send unconfirmed messages again after a reconnection. */
  find(page, key) {
    return this.messages.find((message) => message.page === page && message.key === key);
  }

  /** Adds a message from a page of this worker. The tag of the worker makes the id unique. */
  add(message, worker) {
    this.#count += 1;
    const kept = { ...message, id: `${this.name}/${worker}${this.#count}`, time: Date.now() };
    this.keep(kept);
    return kept;
  }

  /** Keeps a message that has an id. */
  keep(message) {
    if (this.messages.some(({ id }) => id === message.id)) return;
    this.messages.push(message);
    if (this.messages.length > MAX_MESSAGES) this.messages.shift();
    const withPicture = this.messages.filter((each) => each.picture?.bytes);
    if (withPicture.length > MAX_PICTURES) {
      this.messages[this.messages.indexOf(withPicture[0])] = withoutBytes(withPicture[0]);
    }
  }

  /** Returns the names of the members. */
  names() {
    return Array.from(this.members.values(), ({ name }) => name);
  }
}

/** All rooms. Beyond the limit, the room that has been empty the longest is removed. */
export class Rooms {
  #rooms = new Map();

  all() {
    return this.#rooms.values();
  }

  /** Returns rooms and members as plain data, for another worker. Pictures do not go along. */
  snapshot() {
    return Array.from(this.all(), ({ name, members, messages }) => ({
      name,
      members: [...members],
      messages: messages.map(withoutBytes),
    }));
  }

  get(name) {
    return this.#rooms.get(name);
  }

  open(name) {
    const room = this.#rooms.get(name) ?? new Room(name);
    this.#rooms.delete(name); // inserted again at the end: the map is ordered by last use
    if (this.#rooms.size >= MAX_ROOMS) this.#makePlace();
    this.#rooms.set(name, room);
    return room;
  }

  #makePlace() {
    const empty = [...this.#rooms.values()].find((room) => room.members.size === 0);
    if (!empty) throw new Refusal("There are too many rooms. Join one of those that exist.");
    this.#rooms.delete(empty.name);
  }
}

// What the demo does for several workers: each has all rooms, and sends its own changes to the others.
// Without workers nothing is sent.
import { channelOf } from "./rooms.mjs";

/** The rooms of all workers, as this worker knows them. */
export class SharedRooms {
  #io;
  #rooms;

  constructor(io, rooms, onChange) {
    this.#io = io;
    this.#rooms = rooms;
    io.on("member", (room, id, member) => this.#setMember(room, id, member));
    io.on("message", (room, message) => this.#rooms.open(room).keep(message));
    io.on("rooms", (answer) => answer(this.#rooms.snapshot()));
    io.on("changed", onChange);
    io.cluster?.on("node", ({ node }) => {
      if (node.state === "up") void this.#ask();
    });
    io.cluster?.on("lost", ({ node }) => {
      this.#forget(node.tag);
      onChange();
    });
  }

  /** The worker of this process. */
  get worker() {
    return this.#io.cluster?.tag ?? "";
  }

  get(room) {
    return this.#rooms.get(room);
  }

  open(room) {
    return this.#rooms.open(room);
  }

  /** A page of this worker has entered a room or changed its name; without a name it has left. */
  setMember(room, id, name) {
    const member = name === undefined ? null : { name, worker: this.worker };
    this.#send("member", room, id, member);
    this.#setMember(room, id, member);
  }

  /** Adds a message of a page of this worker. */
  add(room, content) {
    const message = this.#rooms.get(room).add(content, this.worker);
    this.#send("message", room, message);
    return message;
  }

  /** A page of this worker has come, left or changed. */
  change() {
    this.#send("changed");
  }

  /** Sends an event to all other workers. */
  #send(...event) {
    if (this.#io.cluster) this.#io.serverSideEmit(...event);
  }

  #setMember(name, id, member) {
    const room = this.#rooms.open(name);
    if (member) room.members.set(id, member);
    else room.members.delete(id);
    this.#announce(room);
  }

  /** Each worker informs its own pages, so that all see the latest list. */
  #announce(room) {
    this.#io.local.to(channelOf(room.name)).emit("members", { room: room.name, names: room.names() });
  }

  /** Takes over what the others have: this worker has just started, or had no link to one of them. */
  async #ask() {
    const snapshots = await this.#io.serverSideEmitWithAck("rooms").catch(() => []);
    for (const { name, members, messages } of snapshots.flat()) {
      const room = this.#rooms.open(name);
      for (const [id, member] of members) if (member.worker !== this.worker) room.members.set(id, member);
      for (const message of messages) room.keep(message);
      room.messages.sort((a, b) => a.time - b.time);
      this.#announce(room);
    }
  }

  /** Removes the members that a worker served which has ended. */
  #forget(worker) {
    for (const room of this.#rooms.all()) {
      const gone = [...room.members].filter(([, member]) => member.worker === worker);
      for (const [id] of gone) room.members.delete(id);
      if (gone.length > 0) this.#announce(room);
    }
  }
}

/** Shows each page which worker serves it, and how many there are. */
export function openWorkers(io) {
  const { cluster } = io;
  if (!cluster) return;
  const state = () => ({ worker: cluster.tag, count: cluster.nodes().filter((node) => node.state === "up").length });
  io.on("connection", (socket) => socket.emit("workers", state()));
  for (const event of ["node", "lost"]) cluster.on(event, () => io.local.emit("workers", state()));
}

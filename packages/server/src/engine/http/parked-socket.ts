import { Socket } from "node:net";

/** Members that Node sets on the connection of a server. */
const MEMBERS_OF_NODE = new Set([
  ...Object.keys(new Socket()),
  ..."parser on addListener prependListener setEncoding _paused _httpMessage _peername timeout".split(" "),
]);

/**
 * The connection of an HTTP handshake, which may end long before the session: after the upgrade, or when later requests use
 * other connections. Node's object is thirty others, so that only as much is stored as Node reports about a closed one.
 */
export class ParkedSocket {
  readonly #socket: WeakRef<Socket>;
  /** Address, family and port, as Node stores them. */
  readonly #peer: unknown;

  private constructor(socket: Socket) {
    this.#socket = new WeakRef(socket);
    this.#peer = Reflect.get(socket, "_peername");
  }

  /** Parks a connection; one of TLS or with members of the program is returned as it is. */
  static of(socket: Socket): Socket | ParkedSocket {
    // Node stores the address when it is read.
    const isPlain = socket instanceof Socket && socket.constructor === Socket && socket.remoteAddress !== undefined;
    return isPlain && Object.keys(socket).every((key) => MEMBERS_OF_NODE.has(key)) ? new ParkedSocket(socket) : socket;
  }

  /** Returns the connection, or a closed one with the same address. */
  restore(): Socket {
    return this.#socket.deref() ?? Object.assign(new Socket(), { _peername: this.#peer }).destroy();
  }
}

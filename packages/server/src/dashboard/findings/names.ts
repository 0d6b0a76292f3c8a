import type { BoardCore } from "../part.ts";
import { eachSocket } from "./census.ts";

/** Names that are remembered. */
const MOST_CLIENT_NAMES = 512;

/** Names clients as a person knows them: by the label of the program, else by their handle. */
export class ClientNames {
  readonly #core: BoardCore;
  readonly #names = new Map<string, string>();

  constructor(core: BoardCore) {
    this.#core = core;
  }

  of(sid: string): string {
    const known = this.#names.get(sid);
    if (known !== undefined) return known;
    const name = this.#find(sid);
    if (this.#names.size >= MOST_CLIENT_NAMES) this.#names.clear();
    this.#names.set(sid, name);
    return name;
  }

  #find(sid: string): string {
    const { io, handles, options } = this.#core;
    if (options.label === undefined) return handles.of(sid);
    for (const socket of eachSocket(io)) {
      if (socket.conn.id === sid) return this.#core.labelOf(socket) || handles.of(sid);
    }
    return handles.of(sid);
  }
}

import type { ServerResponse } from "node:http";
import {
  randomId,
  type RelayHost,
  type RelayRefusal,
  type RelayVerdict,
  type SessionRelay,
  type StreamHandshake,
  type TransportRequest,
} from "@portage/server/relay";
import type { ClusterRelay } from "./exchange/relay.ts";
import type { SharedHost } from "./shared-host.ts";

/** The node of the moment, once it has joined. */
interface JoinedNode {
  readonly relay: ClusterRelay;
  readonly host: SharedHost;
}

/** The relay of an engine beside the server: its requests go where their sessions are, and the node goes on without it. */
export class GuestRelay implements SessionRelay {
  readonly #guest: RelayHost;
  readonly #guests: Set<RelayHost>;
  readonly #current: () => JoinedNode | undefined;

  constructor(guest: RelayHost, guests: Set<RelayHost>, current: () => JoinedNode | undefined) {
    this.#guest = guest;
    this.#guests = guests;
    this.#current = current;
    guests.add(guest);
  }

  makeId(): string {
    return this.#current()?.relay.makeId() ?? randomId();
  }

  isOwnId(id: string): boolean {
    return this.#current()?.relay.isOwnId(id) ?? true;
  }

  route(req: TransportRequest, res: ServerResponse): RelayVerdict {
    const node = this.#current();
    if (node === undefined || !req._query["sid"]) return "local";
    node.host.record(req, this.#guest);
    return node.relay.route(req, res);
  }

  routeHandshake(req: TransportRequest, handshake: StreamHandshake): RelayVerdict {
    const node = this.#current();
    if (node === undefined) return "local";
    node.host.record(req, this.#guest);
    return node.relay.routeHandshake(req, handshake);
  }

  routePassedIn(req: TransportRequest): "local" | RelayRefusal {
    return this.#current()?.relay.routePassedIn(req) ?? "local";
  }

  listening(): void {}

  draining(): Promise<void> {
    return Promise.resolve();
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#guests.delete(this.#guest);
  }
}

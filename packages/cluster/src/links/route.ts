import { Agent, type ClientRequest, request, type RequestOptions } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";

/** A way to a node: where to connect, and how. */
export type Route =
  | { readonly kind: "unix"; readonly socketPath: string }
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      readonly tls?: ConnectionOptions | undefined;
    }
  | { readonly kind: "bus"; connect(): Duplex };

const AGENT = { keepAlive: true, maxSockets: 1 } as const;

class BusAgent extends Agent {
  readonly #connect: () => Duplex;

  constructor(connect: () => Duplex) {
    super(AGENT);
    this.#connect = connect;
  }

  override createConnection(): Duplex {
    return this.#connect();
  }
}

const tlsOf = (route: Route): ConnectionOptions | undefined => (route.kind === "tcp" ? route.tls : undefined);

/** Returns an agent that keeps one connection. */
export function agentFor(route: Route): Agent {
  if (route.kind === "bus") return new BusAgent(() => route.connect());
  const tls = tlsOf(route);
  return tls === undefined ? new Agent(AGENT) : new SecureAgent({ ...tls, ...AGENT });
}

/** Returns the options that lead a request over the route. */
export function optionsFor(route: Route): RequestOptions {
  if (route.kind === "bus") return {};
  return route.kind === "unix" ? { socketPath: route.socketPath } : { host: route.host, port: route.port };
}

/** Makes a request over the route. */
export function requestOver(route: Route, options: RequestOptions): ClientRequest {
  const make = tlsOf(route) === undefined ? request : secureRequest;
  return make({ ...options, ...optionsFor(route) });
}

/** Returns the URL of a WebSocket over the route. */
export function urlOf(route: Route): string {
  if (route.kind !== "tcp") return "ws://localhost/";
  const host = route.host.includes(":") ? `[${route.host}]` : route.host;
  return `${route.tls === undefined ? "ws" : "wss"}://${host}:${route.port}/`;
}

import { io as ours, type ManagerOptions } from "@portage/client";
import { io as reference } from "socket.io-client";

/** What a run uses of a client, of ours or of another library. */
export interface Client {
  readonly connected: boolean;
  on(event: string, listener: (...args: never[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  disconnect(): unknown;
  readonly io: object;
}

type Connect = (url: string, options: Partial<ManagerOptions>) => Client;

export interface Kind {
  readonly connect: Connect;
  readonly options: Partial<ManagerOptions>;
}

const portage: Connect = (url, options) => ours(url, options);
const socketio: Connect = (url, options) => reference(url, options as object);

export const CLIENTS = {
  default: { connect: portage, options: {} },
  race: { connect: portage, options: { race: true } },
  websocket: { connect: portage, options: { transports: ["websocket"] } },
  polling: { connect: portage, options: { transports: ["polling"], stream: false } },
  streamed: { connect: portage, options: { transports: ["polling"] } },
  reference: { connect: socketio, options: {} },
} as const satisfies Record<string, Kind>;

export type ClientName = keyof typeof CLIENTS;

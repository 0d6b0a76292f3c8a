import { io as ours } from "@portage/client";
import io1 from "socket.io-client-1";
import io2 from "socket.io-client-2";
import { io as io3 } from "socket.io-client-3";
import { io as io4, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";

export type ClientOptions = Partial<ManagerOptions & SocketOptions>;
export type Connect = (url: string, options?: ClientOptions) => Socket;

const OPTIONS: ClientOptions = { forceNew: true, reconnection: false };

/** Our client and the published ones of four major versions, seen through the typings of the newest. */
export const CLIENTS: Readonly<Record<string, Connect>> = {
  "@portage/client": (url, options) => ours(url, { ...OPTIONS, ...options } as object) as unknown as Socket,
  "socket.io-client 4.8": (url, options) => io4(url, { ...OPTIONS, ...options }),
  "socket.io-client 3.1": (url, options) => io3(url, { ...OPTIONS, ...options }),
  "socket.io-client 2.5": (url, options) => io2(url, { ...OPTIONS, ...options }),
  "socket.io-client 1.7": (url, options) => io1(url, { ...OPTIONS, ...options }),
};

/** The transports of a client. */
export const WAYS: Readonly<Record<string, ClientOptions>> = {
  "polling only": { transports: ["polling"] },
  "websocket only": { transports: ["websocket"] },
  "polling, then the upgrade": {},
};

/** Emits an event and returns its acknowledgement, as only the newest version has `emitWithAck`. */
export function ask<T = unknown>(client: Socket, event: string, ...args: unknown[]): Promise<T> {
  return new Promise((resolve) => client.emit(event, ...args, resolve));
}

/* Preamble for examples of adapters: a bus between servers. */
import type { ClusterMessage, ClusterResponse } from "@portage/server/adapter";
import type { Server } from "@portage/server";

export { SessionAwareAdapter } from "@portage/server/adapter";
export { Server } from "@portage/server";

export declare const io: Server;
export declare const bus: {
  on(channel: "message", listener: (message: ClusterMessage) => void): void;
  on(channel: string, listener: (response: ClusterResponse) => void): void;
  send(channel: string, message: ClusterMessage | ClusterResponse): void;
};

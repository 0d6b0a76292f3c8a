import type { RelayRefusal, TransportRequest } from "@portage/server/relay";
import { TAG_LENGTH } from "../core/tag.ts";

/** A request on the way to its session, over any transport. */
export interface Visit {
  readonly req: TransportRequest;
  isGone(): boolean;
  /** Returns the request to the engine, which asks the relay again. */
  again(): void;
  refuse(refusal: RelayRefusal): void;
}

/** Whether a poll may be answered without its session. One that returns to a carried session may not. */
export const isPlainPoll = ({ method, _query: { key } }: TransportRequest): boolean =>
  method === "GET" && key === undefined;

export const tagOfRequest = ({ _query }: TransportRequest): string => (_query["sid"] ?? "").slice(0, TAG_LENGTH);

export const clientAddress = ({ socket }: TransportRequest): string => socket.remoteAddress ?? "";

import type { Duplex } from "node:stream";
import { kCarry } from "../keys.ts";
import { type CloseReason, closeReason } from "../report/close-codes.ts";

/** A session whose client may be asked to connect elsewhere. */
export interface MovableSession {
  readonly transport: object;
  readonly [kCarry]: object | undefined;
  close(discard: boolean, why: CloseReason): unknown;
}

/** The members of a transport that lead to its stream: of our links, or of another library's. */
interface StreamHolder {
  readonly stream?: Duplex | undefined;
  readonly socket?: { readonly _socket?: unknown };
}

function isOn(transport: StreamHolder, stream: Duplex): boolean {
  return transport.stream === undefined ? transport.socket?._socket === stream : transport.stream === stream;
}

/**
 * Moves the client of a WebSocket away: cuts the WebSocket if its client can return to the session, or has it over another
 * transport; otherwise closes the session with a reconnection delay.
 */
export function moveClient(session: MovableSession | undefined, stream: Duplex, retryAfter: number): void {
  if (!session || session[kCarry] || !isOn(session.transport, stream)) return void stream.destroy();
  session.close(false, { ...closeReason("SERVER_DRAINING"), retryAfter });
}

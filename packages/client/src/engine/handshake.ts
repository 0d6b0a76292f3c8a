import type { Packet } from "@portage/parser/engine";
import type { HandshakeData } from "./options.ts";

/** The first packet of the server was no handshake: another protocol, or a proxy that answers in its place. */
export class HandshakeError extends Error {
  readonly code = "INVALID_HANDSHAKE";
  /** What came instead. */
  readonly data: unknown;

  constructor(data: unknown) {
    super("invalid handshake");
    this.data = data;
  }
}

/** @returns the handshake of a session's first packet, or undefined if it is none */
export function readHandshake({ type, data: text }: Packet): HandshakeData | undefined {
  try {
    const data = JSON.parse(text as string) as HandshakeData;
    const { sid, upgrades, pingInterval, pingTimeout } = data;
    const isValid =
      type === "open" && sid && typeof sid === "string" && Array.isArray(upgrades) && pingInterval + pingTimeout >= 0;
    return isValid ? data : undefined;
  } catch {
    return undefined;
  }
}

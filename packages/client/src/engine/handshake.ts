import type { Packet } from "@portage/parser/engine";
import type { HandshakeData } from "./options.ts";

/** @returns the handshake in the first packet of a session, or undefined if there is none */
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

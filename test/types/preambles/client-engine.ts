/* Preamble for examples of the Engine.IO client. */
import type { Socket as ClientSocket } from "@portage/client";

export { Socket } from "@portage/client/engine";

export declare const socket: ClientSocket;
/** A carrier of messages that no platform has. */
export interface Bird {
  onreturn?: (note: string) => void;
  carry(note: object): void;
  recall(): void;
}
export declare function release(address: string): Bird;

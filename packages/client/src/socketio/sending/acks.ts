import { callEach } from "../../emitter.ts";
import { after } from "../../engine/index.ts";
import { ClientError } from "../errors.ts";
import type { Ack } from "../typed-events.ts";
import { drop, ids } from "./outbox.ts";
import type { Sender } from "./sender.ts";

// Pending acknowledgements: callbacks of the program in `acks`, by id.

/** Removes and returns the callback of the program, the last argument of an event. */
export const popAck = (data: unknown[]): Ack | false => typeof data.at(-1) === "function" && (data.pop() as Ack);

/** @param timeout time limit in milliseconds, after which `ack` receives an error; undefined for none */
export function expectAck(self: Sender, id: number, ack: Ack, timeout: number | undefined): void {
  self.acks[id] = ack;
  if (timeout === undefined) return;
  const cancel = after(self.io, timeout, () => {
    drop(self, id);
    failAck(self, id, new ClientError("ACK_TIMEOUT", "operation has timed out"));
  });
  const settle: Ack = (...args) => {
    cancel();
    ack.apply(self, args);
  };
  settle.withError_ = true;
  self.acks[id] = settle;
}

/** Removes and returns a pending acknowledgement. */
export function takeAck(self: Sender, id: number): Ack | undefined {
  const ack = self.acks[id];
  delete self.acks[id];
  return ack;
}

/** Fails a pending acknowledgement. @returns whether its callback has received the error */
export function failAck(self: Sender, id: number, error: unknown): boolean | undefined {
  const ack = takeAck(self, id);
  if (ack?.withError_) callEach([ack], self, [error]);
  return ack?.withError_;
}

/** Fails all pending acknowledgements after a disconnection, except for events not sent yet. */
export function failAcks(self: Sender): void {
  const unsent = ids(self);
  for (const id of Object.keys(self.acks).map(Number)) {
    if (!unsent.has(id)) failAck(self, id, new ClientError("ACK_DISCONNECTED", "socket has been disconnected"));
  }
}

import { callEach } from "../../emitter.ts";
import { after } from "../../engine/index.ts";
import { ClientError } from "../errors.ts";
import type { Ack } from "../typed-events.ts";
import { drop, ids } from "./outbox.ts";
import type { Sender } from "./sender.ts";

// Acknowledgements that are due: functions of the program in `acks`, by id.

/** @param timeout milliseconds until the acknowledgement gets an error; undefined: it never does */
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

/** The acknowledgement, which is not due any more. */
export function takeAck(self: Sender, id: number): Ack | undefined {
  const ack = self.acks[id];
  delete self.acks[id];
  return ack;
}

/** Ends an acknowledgement that can't come. @returns whether it was called with an error */
export function failAck(self: Sender, id: number, error: unknown): boolean | undefined {
  const ack = takeAck(self, id);
  if (ack?.withError_) callEach([ack], self, [error]);
  return ack?.withError_;
}

/** The connection is lost, and with it each acknowledgement. Those of events that were not sent are still due. */
export function failAcks(self: Sender): void {
  const unsent = ids(self);
  for (const id of Object.keys(self.acks).map(Number)) {
    if (!unsent.has(id)) failAck(self, id, new ClientError("ACK_DISCONNECTED", "socket has been disconnected"));
  }
}

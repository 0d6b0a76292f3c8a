// Checked by the compiler alone: `tsc -b`. What must be refused is marked; a mark without an error is an error.
import { expectTypeOf } from "vitest";
import type * as ours from "../../packages/server/src/socketio/events/typed-events.ts";
import type * as theirs from "../node_modules/socket.io/dist/typed-events.js";

/** Stands for a user's `any`, which may not be written here. */
type Any = ReturnType<typeof JSON.parse>;

interface Mixed {
  plain: (a: number, b?: string) => void;
  nothing: () => void;
  ask: (question: string, done: (answer: number) => void) => void;
  askOnly: (done: (answer: number, more: string) => void) => void;
  failing: (a: number, done: (err: Error, answer: string) => void) => void;
  failingOnly: (done: (err: Error) => void) => void;
  silent: (done: () => void) => void;
  optional: (a: number, done?: (answer: number) => void) => void;
  rest: (...numbers: number[]) => void;
}
interface Loose {
  [event: string]: (...args: Any[]) => void;
}
interface Named {
  anything: Any;
  ask: (done: (answer: number) => void) => void;
}

// The helper types have the same meaning as in socket.io.
expectTypeOf<ours.EventNames<Mixed>>().toEqualTypeOf<theirs.EventNames<Mixed>>();
expectTypeOf<ours.EventNamesWithAck<Mixed>>().toEqualTypeOf<theirs.EventNamesWithAck<Mixed>>();
expectTypeOf<ours.EventNamesWithAck<Loose>>().toEqualTypeOf<theirs.EventNamesWithAck<Loose>>();
expectTypeOf<ours.EventNamesWithAck<Named>>().toEqualTypeOf<theirs.EventNamesWithAck<Named>>();
expectTypeOf<ours.EventNamesWithoutAck<Mixed>>().toEqualTypeOf<theirs.EventNamesWithoutAck<Mixed>>();
expectTypeOf<ours.EventNamesWithoutAck<Loose>>().toEqualTypeOf<theirs.EventNamesWithoutAck<Loose>>();
expectTypeOf<ours.EventNamesWithoutAck<Named>>().toEqualTypeOf<theirs.EventNamesWithoutAck<Named>>();
expectTypeOf<ours.EventNamesWithError<Mixed>>().toEqualTypeOf<theirs.EventNamesWithError<Mixed>>();
expectTypeOf<ours.EventNamesWithError<Loose>>().toEqualTypeOf<theirs.EventNamesWithError<Loose>>();
expectTypeOf<ours.RemoveAcknowledgements<Mixed>>().toEqualTypeOf<theirs.RemoveAcknowledgements<Mixed>>();
expectTypeOf<ours.RemoveAcknowledgements<Loose>>().toEqualTypeOf<theirs.RemoveAcknowledgements<Loose>>();
expectTypeOf<ours.EventParams<Mixed, "ask">>().toEqualTypeOf<theirs.EventParams<Mixed, "ask">>();
expectTypeOf<ours.Last<[1, 2, 3]>>().toEqualTypeOf<3>();
expectTypeOf<ours.Last<string[]>>().toEqualTypeOf<string>();
expectTypeOf<ours.AllButLast<[1, 2, 3]>>().toEqualTypeOf<[1, 2]>();
expectTypeOf<ours.FirstNonErrorArg<(err: Error, a: number) => void>>().toEqualTypeOf<number>();
expectTypeOf<ours.FirstNonErrorArg<(a: string, b: number) => void>>().toEqualTypeOf<string>();
expectTypeOf<ours.FirstNonErrorArg<() => void>>().toEqualTypeOf<undefined>();

type Decorations<E> = [
  ours.DecorateAcknowledgements<E>,
  ours.DecorateAcknowledgementsWithMultipleResponses<E>,
  ours.DecorateAcknowledgementsWithTimeoutAndMultipleResponses<E>,
  ours.DecorateAcknowledgements<ours.DecorateAcknowledgementsWithMultipleResponses<E>>,
];
type TheirDecorations<E> = [
  theirs.DecorateAcknowledgements<E>,
  theirs.DecorateAcknowledgementsWithMultipleResponses<E>,
  theirs.DecorateAcknowledgementsWithTimeoutAndMultipleResponses<E>,
  theirs.DecorateAcknowledgements<theirs.DecorateAcknowledgementsWithMultipleResponses<E>>,
];
expectTypeOf<Decorations<Mixed>>().toEqualTypeOf<TheirDecorations<Mixed>>();
expectTypeOf<Decorations<Loose>>().toEqualTypeOf<TheirDecorations<Loose>>();

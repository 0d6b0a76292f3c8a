// Checked by the compiler alone: `tsc -b`. What must be refused is marked; a mark without an error is an error.
import type * as ours from "../../packages/server/src/socketio/typed-events.ts";
import type * as theirs from "../node_modules/socket.io/dist/typed-events.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Names the types that differ in the compiler's message. */
type Same<A, B> = Equal<A, B> extends true ? true : { ours: A; theirs: B };
const check = <T extends true>(_same?: T): void => {};

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
  [event: string]: (...args: any[]) => void;
}
interface Named {
  anything: any;
  ask: (done: (answer: number) => void) => void;
}

// The helper types mean the same as those of socket.io.
check<Same<ours.EventNames<Mixed>, theirs.EventNames<Mixed>>>();
check<Same<ours.EventNamesWithAck<Mixed>, theirs.EventNamesWithAck<Mixed>>>();
check<Same<ours.EventNamesWithAck<Loose>, theirs.EventNamesWithAck<Loose>>>();
check<Same<ours.EventNamesWithAck<Named>, theirs.EventNamesWithAck<Named>>>();
check<Same<ours.EventNamesWithoutAck<Mixed>, theirs.EventNamesWithoutAck<Mixed>>>();
check<Same<ours.EventNamesWithoutAck<Loose>, theirs.EventNamesWithoutAck<Loose>>>();
check<Same<ours.EventNamesWithoutAck<Named>, theirs.EventNamesWithoutAck<Named>>>();
check<Same<ours.EventNamesWithError<Mixed>, theirs.EventNamesWithError<Mixed>>>();
check<Same<ours.EventNamesWithError<Loose>, theirs.EventNamesWithError<Loose>>>();
check<Same<ours.RemoveAcknowledgements<Mixed>, theirs.RemoveAcknowledgements<Mixed>>>();
check<Same<ours.RemoveAcknowledgements<Loose>, theirs.RemoveAcknowledgements<Loose>>>();
check<Same<ours.EventParams<Mixed, "ask">, theirs.EventParams<Mixed, "ask">>>();
check<Same<ours.Last<[1, 2, 3]>, 3>>();
check<Same<ours.Last<string[]>, string>>();
check<Same<ours.AllButLast<[1, 2, 3]>, [1, 2]>>();
check<Same<ours.FirstNonErrorArg<(err: Error, a: number) => void>, number>>();
check<Same<ours.FirstNonErrorArg<(a: string, b: number) => void>, string>>();
check<Same<ours.FirstNonErrorArg<() => void>, undefined>>();

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
check<Same<Decorations<Mixed>, TheirDecorations<Mixed>>>();
check<Same<Decorations<Loose>, TheirDecorations<Loose>>>();

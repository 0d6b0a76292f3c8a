/**
 * Calls `fn(argument)` in a turn of its own: after I/O has had its chance. The only caller of `setImmediate`.
 *
 * It gives the event loop back in the midst of long work, and tells a burst of the application from a peer that does not
 * read.
 */
export function nextTurn<Argument>(fn: (argument: Argument) => void, argument: Argument): void {
  setImmediate(fn, argument);
}

/*
 * The link to one other node, as a table of states and signals.
 *
 * Quantities: at most one attempt to connect, one open link, one link that has ended and is not reported yet, per pair.
 *
 * Two nodes may dial each other at once. The attempt of the node with the lower tag counts: that node refuses the other
 * attempt while its own is under way, and the other node gives up its own when the first arrives. So a second link never
 * opens, and no frame is sent on a link that is dropped. A node with an open link refuses all further attempts, and probes it.
 *
 * A link that broke without a word means that the process of the peer has ended, or that only the connection has. The first
 * answer to a new attempt decides, so the end is reported a moment later (`checking`), before anything else about this peer.
 *
 * A link that opens outside of `adopt`, or a state `checking` without a timer for `overdue`, breaks this.
 */

export type LinkState =
  /** no attempt is under way; a timer starts the next one */
  | "resting"
  | "dialling"
  /** dialling, because the link broke: the end of the link is not reported yet */
  | "checking"
  | "open"
  /** the node has ended or left */
  | "gone";

export type LinkSignal =
  /** the registry lists the node */
  | "found"
  /** the time until the next attempt has passed */
  | "due"
  /** the peer has answered the first request of an attempt, so its process lives */
  | "answered"
  /** the peer has not answered in time */
  | "overdue"
  | "connected"
  /** the peer has refused the attempt: it has a link, or dials itself */
  | "busy"
  /** the peer has refused this node: another version or secret */
  | "refused"
  /** the attempt failed */
  | "failed"
  /** the attempt found that no process listens */
  | "absent"
  /** the peer dials, and its tag is lower */
  | "preferred"
  /** the peer dials, and its tag is higher */
  | "offered"
  /** the connection broke */
  | "cut"
  | "silent"
  /** the peer broke a rule, or does not read */
  | "broken"
  /** the peer has said that it leaves */
  | "left"
  /** another process has the tag, so the earlier one has ended */
  | "replaced"
  /** the registry has no record of the node any more */
  | "unlisted";

export type LinkAction =
  | "dial"
  /** the first attempt is over without a link */
  | "settle"
  /** dial again in a few milliseconds */
  | "retry"
  /** dial again after a delay that grows */
  | "rest"
  /** dial again after the longest delay */
  | "restLong"
  /** give up the attempt under way */
  | "abort"
  /** start the timer for `overdue` */
  | "watch"
  | "adopt"
  | "refuse"
  | "probe"
  | "reportCut"
  | "reportGone"
  | "reportSilent"
  | "reportFailed"
  /** forget the peer, and remember that it is lost */
  | "bury"
  /** the same for a peer that has said so */
  | "part";

type LinkStep = readonly [next: LinkState, ...actions: LinkAction[]];

/** What is not listed changes nothing. */
export const LINK_STEPS: Readonly<Record<LinkState, Readonly<Partial<Record<LinkSignal, LinkStep>>>>> = {
  resting: {
    found: ["dialling", "dial"],
    due: ["dialling", "dial"],
    preferred: ["open", "adopt"],
    offered: ["open", "adopt"],
    replaced: ["gone", "abort", "part"],
    unlisted: ["gone", "abort", "bury"],
  },
  dialling: {
    due: ["dialling", "dial"],
    connected: ["open", "adopt"],
    busy: ["resting", "rest"],
    refused: ["resting", "restLong", "settle"],
    failed: ["resting", "rest", "settle"],
    absent: ["gone", "bury"],
    preferred: ["open", "abort", "adopt"],
    offered: ["dialling", "refuse"],
    replaced: ["gone", "abort", "part"],
    unlisted: ["gone", "abort", "bury"],
  },
  checking: {
    due: ["checking", "dial"],
    answered: ["dialling", "reportCut"],
    overdue: ["dialling", "reportCut"],
    connected: ["open", "reportCut", "adopt"],
    busy: ["resting", "reportCut", "rest"],
    refused: ["resting", "reportCut", "restLong"],
    // A process that is being killed may still accept the connection, and resets it then.
    failed: ["checking", "retry"],
    absent: ["gone", "bury", "reportGone"],
    preferred: ["open", "abort", "reportCut", "adopt"],
    offered: ["checking", "refuse"],
    replaced: ["gone", "abort", "part", "reportGone"],
    unlisted: ["gone", "abort", "bury", "reportGone"],
  },
  open: {
    preferred: ["open", "refuse", "probe"],
    offered: ["open", "refuse", "probe"],
    cut: ["checking", "watch", "dial"],
    silent: ["resting", "reportSilent", "rest"],
    broken: ["resting", "reportFailed", "rest"],
    left: ["gone", "part", "reportGone"],
  },
  gone: {},
};

const NOTHING: readonly LinkAction[] = [];

/** Returns the state after a signal, and what to do. */
export function stepLink(state: LinkState, signal: LinkSignal): readonly [LinkState, readonly LinkAction[]] {
  const step = LINK_STEPS[state][signal];
  if (step === undefined) return [state, NOTHING];
  const [next, ...actions] = step;
  return [next, actions];
}

/*
 * Codes that pages get, a type each.
 * Knows: nothing.
 * Must not know: their senders.
 */
/** Causes why a client is on polling. `why-polling.ts` has a sentence and advice for each. */
export type WhyCode =
  | "UPGRADE_TIMEOUT"
  | "UPGRADE_LOST"
  | "UPGRADE_STRAY"
  | "UPGRADE_TWICE"
  | "UPGRADE_ENDED"
  | "NOT_ON_POLLING"
  | "SERVER_OFFERS_NONE"
  | "TOO_YOUNG"
  | "UPGRADE_REFUSED"
  | "UPGRADE_STRIPPED"
  | "NETWORK_BLOCKS"
  | "CLIENT_DOES_NOT_TRY"
  | "NEVER_TRIED";

/** Why a question has another answer than the asked one. The page has a sentence for each. */
export type RefusedCode =
  /** The arguments are not those of the question. */
  | "BAD_QUESTION"
  /** The role or the nonce does not allow the action. */
  | "FORBIDDEN"
  /** It is not there, or not any more. */
  | "UNKNOWN"
  /** As many of these as may be are under way. */
  | "TOO_MANY"
  /** An action would affect another number than the viewer typed. */
  | "COUNT_CHANGED"
  /** The option `onAction` refused the action. */
  | "REFUSED"
  /** The program, or the server, failed at the answer. */
  | "FAILED";

/** Why the server ends the connection of a page. */
export type ByeCode =
  /** The request of the page is not let in any longer. */
  | "ROLE_WITHDRAWN"
  /** The server drains. */
  | "DRAINING"
  /** The page was closed by the program. */
  | "CLOSED"
  /** The page sent three malformed messages. */
  | "BAD_QUESTION";

/*
 * One forwarded exchange at its front: what has been sent of it, and what has come back.
 *
 *   client           front                       owner
 *   GET, POST  ->    sending     REQUEST, DATA ->        until the body has been sent
 *                    waiting                             no answer yet: a poll is held
 *              <-    answering           <- ANSWER, DATA
 *              <-    ending              <- FIN          the answer is complete here; it has not left yet
 *                    over        DONE ->                 or LOST
 *
 * The answer may begin before the body is complete (413); the rest of the body is then dropped.
 */

export type FrontPhase = "sending" | "waiting" | "answering" | "ending" | "over";

export type FrontSignal =
  /** the whole body has been sent */
  | "sent"
  /** ANSWER, complete */
  | "answer"
  /** ANSWER, and more bytes will follow */
  | "begin"
  | "data"
  | "fin"
  | "reset"
  /** ANSWER, and the client can't be given that */
  | "unusable"
  /** the response has closed: it has left this process, or the client has gone */
  | "closed"
  /** the link has closed */
  | "unlinked"
  /** this node leaves */
  | "leave";

export type FrontAction =
  | "ignore"
  /** writes the whole answer */
  | "write answer"
  /** writes head and first bytes */
  | "write head"
  | "write"
  /** ends the response */
  | "end"
  /** the client has gone before its answer: ABORT */
  | "abort"
  /** DONE if the response has left, LOST if its connection broke */
  | "report"
  /** LOST */
  | "report loss"
  /** the answer will never come: another one takes its place */
  | "replace"
  /** ends the connection of the client inside the answer */
  | "cut"
  /** LOST, and ends the connection of the client */
  | "drop"
  /** RELEASE */
  | "release"
  /** the peer broke the rules: the link ends */
  | "fail";

type FrontCell = readonly [next: FrontPhase, action: FrontAction];

/** What each signal does in each phase. Walked cell by cell in the tests. */
export const FRONT_TABLE: Readonly<Record<FrontPhase, Readonly<Record<FrontSignal, FrontCell>>>> = {
  sending: {
    sent: ["waiting", "ignore"],
    answer: ["ending", "write answer"],
    begin: ["answering", "write head"],
    data: ["sending", "fail"],
    fin: ["sending", "fail"],
    reset: ["over", "replace"],
    unusable: ["over", "drop"],
    closed: ["over", "abort"],
    unlinked: ["over", "replace"],
    leave: ["sending", "ignore"], // a POST is answered soon
  },
  waiting: {
    sent: ["waiting", "ignore"],
    answer: ["ending", "write answer"],
    begin: ["answering", "write head"],
    data: ["waiting", "fail"],
    fin: ["waiting", "fail"],
    reset: ["over", "replace"],
    unusable: ["over", "drop"],
    closed: ["over", "abort"],
    unlinked: ["over", "replace"],
    leave: ["waiting", "release"],
  },
  answering: {
    sent: ["answering", "ignore"],
    answer: ["answering", "fail"],
    begin: ["answering", "fail"],
    data: ["answering", "write"],
    fin: ["ending", "end"],
    reset: ["over", "cut"],
    unusable: ["over", "drop"],
    closed: ["over", "report loss"],
    unlinked: ["over", "cut"],
    leave: ["answering", "release"],
  },
  ending: {
    sent: ["ending", "ignore"],
    answer: ["ending", "fail"],
    begin: ["ending", "fail"],
    data: ["ending", "fail"],
    fin: ["ending", "fail"],
    reset: ["over", "cut"], // the client does not read its last answer
    unusable: ["over", "drop"],
    closed: ["over", "report"],
    unlinked: ["over", "ignore"], // the answer is complete, and the client may read it
    leave: ["ending", "ignore"],
  },
  over: {
    sent: ["over", "ignore"],
    answer: ["over", "ignore"],
    begin: ["over", "ignore"],
    data: ["over", "ignore"],
    fin: ["over", "ignore"],
    reset: ["over", "ignore"],
    unusable: ["over", "ignore"],
    closed: ["over", "ignore"],
    unlinked: ["over", "ignore"],
    leave: ["over", "ignore"],
  },
};

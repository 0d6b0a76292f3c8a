/*
 * One forwarded exchange at the owner of its session.
 *
 *   front                    owner
 *   REQUEST, DATA ->         receiving   until the body is complete
 *                            handling    the engine has it: a poll is held
 *         <- ANSWER, DATA    answering   the engine has begun its answer
 *         <- FIN             answered    the whole answer has left for the front
 *   DONE, LOST ->            over
 *
 * A link that closes before the answer has begun does not mean that the client has left: the exchange is forgotten, and the
 * session goes on. One that closes later may have cost the client packets, so the answer counts as lost. The same is true of
 * ABORT: the front sends it before it has seen the answer.
 */

export type OwnerPhase = "receiving" | "handling" | "answering" | "answered" | "over";

export type OwnerSignal =
  | "data"
  | "fin"
  | "abort"
  | "done"
  | "lost"
  | "release"
  /** the peer gives credit */
  | "credit"
  /** the engine begins its answer */
  | "begin"
  /** the whole answer has been sent */
  | "sent"
  /** the engine destroys request or response */
  | "destroy"
  /** the link has closed, or its front does not answer while the client has come by another one */
  | "unlinked";

export type OwnerAction =
  | "ignore"
  /** passes bytes to the request */
  | "push"
  /** the body is complete */
  | "complete"
  /** the client has left before its answer */
  | "abort"
  /** the session goes on as if the request had never come */
  | "forget"
  /** the answer has reached the client */
  | "finish"
  /** the connection broke inside the answer */
  | "lose"
  /** asks the engine to answer the poll now */
  | "release"
  /** more of the answer may be sent */
  | "proceed"
  /** RESET */
  | "reset"
  /** the peer broke the rules: the link ends */
  | "fail";

type OwnerCell = readonly [next: OwnerPhase, action: OwnerAction];

/** What each signal does in each phase. Walked cell by cell in the tests. */
export const OWNER_TABLE: Readonly<Record<OwnerPhase, Readonly<Record<OwnerSignal, OwnerCell>>>> = {
  receiving: {
    data: ["receiving", "push"],
    fin: ["handling", "complete"],
    abort: ["over", "abort"],
    done: ["receiving", "fail"],
    lost: ["receiving", "fail"],
    release: ["receiving", "ignore"],
    credit: ["receiving", "fail"],
    begin: ["answering", "ignore"],
    sent: ["receiving", "ignore"],
    destroy: ["over", "reset"],
    unlinked: ["over", "forget"],
  },
  handling: {
    data: ["handling", "fail"],
    fin: ["handling", "fail"],
    abort: ["over", "abort"],
    done: ["handling", "fail"],
    lost: ["handling", "fail"],
    release: ["handling", "release"],
    credit: ["handling", "fail"],
    begin: ["answering", "ignore"],
    sent: ["handling", "ignore"],
    destroy: ["over", "reset"],
    unlinked: ["over", "forget"],
  },
  answering: {
    // the rest of a body that the engine has not waited for
    data: ["answering", "ignore"],
    fin: ["answering", "ignore"],
    abort: ["over", "lose"],
    done: ["answering", "fail"],
    lost: ["over", "lose"],
    release: ["answering", "release"],
    credit: ["answering", "proceed"],
    begin: ["answering", "ignore"],
    sent: ["answered", "ignore"],
    destroy: ["over", "reset"],
    unlinked: ["over", "lose"],
  },
  answered: {
    data: ["answered", "ignore"],
    fin: ["answered", "ignore"],
    abort: ["over", "lose"],
    done: ["over", "finish"],
    lost: ["over", "lose"],
    release: ["answered", "ignore"],
    credit: ["answered", "ignore"],
    begin: ["answered", "ignore"],
    sent: ["answered", "ignore"],
    destroy: ["over", "reset"],
    unlinked: ["over", "lose"],
  },
  over: {
    data: ["over", "ignore"],
    fin: ["over", "ignore"],
    abort: ["over", "ignore"],
    done: ["over", "ignore"],
    lost: ["over", "ignore"],
    release: ["over", "ignore"],
    credit: ["over", "ignore"],
    begin: ["over", "ignore"],
    sent: ["over", "ignore"],
    destroy: ["over", "ignore"],
    unlinked: ["over", "ignore"],
  },
};

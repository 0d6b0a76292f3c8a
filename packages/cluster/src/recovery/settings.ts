import type { AnswerWindow, Clock, ResolvedRecovery } from "@portage/server/relay";
import type { RecoverableEvents } from "./events.ts";
import type { ClusterStore, RecordOwner } from "./store.ts";

/** What the sessions of a namespace need. */
export interface SessionSettings {
  /** The name of the namespace. */
  readonly nsp: string;
  readonly store: ClusterStore;
  readonly events: RecoverableEvents;
  readonly clock: Clock;
  readonly recovery: Pick<ResolvedRecovery, "maxDisconnectionDuration" | "maxSessions" | "noticeTime">;
  /** Most encoded bytes of the events of one recovery. */
  readonly maxReplayBytes: () => number;
  /** Names this node as long as its process runs. */
  readonly life: string;
  /** The tag of this node, where others can ask it. */
  readonly tag: () => string;
  /** Asks another node for the last record of a session, which ends there. Undefined: it can't be asked, or has none. */
  readonly ask: (owner: RecordOwner, pid: string) => Promise<Buffer | undefined>;
  /** Returns the answers of a session whose last record that node has given: it sends those that are still to come. */
  readonly takeAnswers: (pid: string, from: string, answers: unknown) => AnswerWindow | undefined;
  /** Ends the socket of a session at this node, if there is one. */
  readonly endSocket: (pid: string) => void;
  /** Reports a failure. */
  readonly onError: (error: unknown) => void;
  /** A record was dropped before it expired. */
  readonly onDropped: () => void;
}

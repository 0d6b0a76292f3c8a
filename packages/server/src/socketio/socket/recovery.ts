import { PacketType, SocketPacket } from "@portage/parser/socket";
import type {
  Adapter,
  PrivateSessionId,
  RecordingAdapter,
  RestoredSession,
  ResumingAdapter,
  SessionToPersist,
} from "../adapter/adapter.ts";
import { type AnswerRecord, AnswerWindow } from "../recovery/answers.ts";
import { SocketIoError } from "../report/errors.ts";
import { callAdapter, failAdapter } from "../events/listener-errors.ts";
import type { Namespace } from "../namespace.ts";
import type { PacketWriteOptions } from "../adapter/surface.ts";
import type { RawData } from "../packets/codec.ts";
import { LAYER_CHANNELS } from "../report/channels.ts";
import type { Socket } from "./socket.ts";
import { kAnswers, kEndSession, kOpenSession, kReadsOnly, kResumeSession, kYieldSession, kTally } from "../keys.ts";

/** The reasons of disconnection after which a client may resume its session. */
export const RECOVERABLE_REASONS: ReadonlySet<string> = new Set([
  "transport error",
  "transport close",
  "forced close",
  "ping timeout",
  "server shutting down",
  "forced server close",
]);

/** The connected socket of each recoverable session, by private id. A session has at most one. */
const holders = new WeakMap<Namespace, Map<PrivateSessionId, Socket>>();

/** Registers a socket as the owner of its session, new or resumed. */
export function claimSession(pid: PrivateSessionId, socket: Socket): void {
  let held = holders.get(socket.nsp);
  if (held === undefined) holders.set(socket.nsp, (held = new Map()));
  held.set(pid, socket);
}

/** Unregisters a socket. Its session is over, unless the adapter has stored it. */
export function releaseSession(pid: PrivateSessionId, socket: Socket): void {
  const held = holders.get(socket.nsp);
  if (held?.get(pid) !== socket) return;
  held.delete(pid);
  const { nsp, adapter } = socket;
  if (isRecording(adapter)) callAdapter(nsp, () => adapter[kEndSession](pid));
}

/** Reports a connected socket to an adapter that records sessions. */
export function openSession(pid: PrivateSessionId, socket: Socket): void {
  const { nsp, adapter } = socket;
  if (!isRecording(adapter)) return;
  const { id } = socket;
  const recorded = {
    id,
    pid,
    get data(): unknown {
      return socket.data;
    },
    get answers(): AnswerRecord | undefined {
      return socket[kAnswers]?.record();
    },
  };
  callAdapter(nsp, () => adapter[kOpenSession](recorded));
}

function isRecording(adapter: Adapter): adapter is Adapter & RecordingAdapter {
  return kOpenSession in adapter;
}

/**
 * Whether a client gets the answer to CONNECT before its missed events. Clients of the reference keep events that come before
 * the answer. If the connection breaks in between, they come twice. Other adapters keep the order of the reference, except for
 * clients that only read: the answer has the private id that completes the ids of their events.
 */
function answersFirst({ adapter, client }: Socket): boolean {
  return client[kReadsOnly] === true || isRecording(adapter);
}

/** Returns what a socket sends at first: the answer to CONNECT, and events that its client has missed, with their offsets. */
export function welcomeOf(socket: Socket, pid: PrivateSessionId | undefined, missed: unknown[][]): SocketPacket[] {
  const { nsp, id: sid, conn } = socket;
  const data = conn.protocol === 3 ? undefined : { sid, pid };
  const answer = new SocketPacket(PacketType.CONNECT, nsp.name, data, undefined);
  const events = missed.map((event) => new SocketPacket(PacketType.EVENT, nsp.name, event, undefined));
  return answersFirst(socket) ? [answer, ...events] : [...events, answer];
}

/** The options of a missed event: the offset is its last argument. */
export function missedOptions({ type, data }: SocketPacket): PacketWriteOptions | undefined {
  return type === PacketType.EVENT ? { offset: (data as unknown[]).at(-1) as string } : undefined;
}

function isResuming(adapter: Adapter): adapter is Adapter & ResumingAdapter {
  return kResumeSession in adapter;
}

/** Stores the session of a socket that its client may resume. */
export function persistSession(pid: PrivateSessionId, socket: Socket): void {
  const { nsp, adapter } = socket;
  socket[kAnswers]?.leave();
  callAdapter(nsp, () => adapter.persistSession(sessionOf(pid, socket)));
}

function sessionOf(pid: PrivateSessionId, socket: Socket): SessionToPersist {
  const { id: sid, data, [kAnswers]: answers } = socket;
  const session: SessionToPersist = { sid, pid, rooms: [...socket.rooms], data };
  if (answers === undefined) return session;
  // Encoded only by adapters that store it outside of this process.
  return Object.defineProperty({ ...session, [kAnswers]: answers }, "answers", {
    enumerable: true,
    get: () => answers.record(),
  });
}

/**
 * Returns the events that a client may repeat: those of its earlier session, or none yet. Undefined: its client gives each
 * try a new id, so that none can be known again. Clients with the option `retries` say so.
 */
export function answersFor(
  auth: Record<string, unknown>,
  previous: RestoredSession | undefined,
): AnswerWindow | undefined {
  // `Infinity` is null in JSON.
  if (auth["retries"] === undefined) return undefined;
  return previous?.[kAnswers] ?? AnswerWindow.restore(previous?.answers) ?? new AnswerWindow();
}

/** Encodes the answer to an event, which its client may ask for again. */
export function encodeAnswer(id: number, args: unknown[], { nsp, server }: Socket): readonly RawData[] {
  return server.encoder.encode(new SocketPacket(PacketType.ACK, nsp.name, args, id));
}

/** Ends the connection of a socket whose client resumes the session elsewhere, which stores the session. */
export function yieldSession(nsp: object, pid: PrivateSessionId): void {
  holders
    .get(nsp as Namespace)
    ?.get(pid)
    ?.client[kYieldSession]();
}

/**
 * Resolves with the session that a client asks to resume, or with the error why it can't.
 *
 * A client may return before the server has noticed its loss, while the old connection still owns the session. The client
 * alone knows the private id, so the old connection is dead: it is ended first, which stores its session.
 *
 * @returns undefined when the client does not ask for a session
 */
export function restore(socket: { nsp: Namespace; revision: 3 | 4 }, auth: Record<string, unknown>): Restoration {
  const { pid, offset } = auth;
  // Protocol 4 (Socket.IO 2) has no recovery, so `pid` belongs to the application there.
  if (pid === undefined || socket.revision === 3) return undefined;
  return tallied(findSession(socket.nsp, pid, offset), socket.nsp);
}

/** The outcome of a request to resume; undefined when the client does not ask. */
export type Restoration = Promise<RestoredSession | SocketIoError> | undefined;

async function tallied(
  search: Promise<RestoredSession | SocketIoError>,
  nsp: Namespace,
): Promise<RestoredSession | SocketIoError> {
  const found = await search;
  nsp.server[kTally].countRecovery(found);
  if (LAYER_CHANNELS.recovery.hasSubscribers) {
    const code = found instanceof SocketIoError ? found.code : undefined;
    LAYER_CHANNELS.recovery.publish({ server: nsp.server, namespace: nsp.name, code });
  }
  return found;
}

async function findSession(nsp: Namespace, pid: unknown, offset: unknown): Promise<RestoredSession | SocketIoError> {
  const { server, adapter } = nsp;
  if (!server.opts.connectionStateRecovery) return new SocketIoError("RECOVERY_OFF");
  if (typeof pid !== "string" || (offset !== undefined && typeof offset !== "string")) {
    return new SocketIoError("RECOVERY_MALFORMED");
  }
  yieldSession(nsp, pid);
  try {
    if (isResuming(adapter)) return await adapter[kResumeSession](pid, offset ?? "");
    // A client that has received no event has no offset. Only adapters of ours can resume without one.
    if (offset === undefined) return new SocketIoError("RECOVERY_NO_OFFSET");
    return (await adapter.restoreSession(pid, offset)) ?? new SocketIoError("RECOVERY_SESSION_UNKNOWN");
  } catch (error) {
    failAdapter(error, nsp, "rejected");
    return new SocketIoError("RECOVERY_FAILED", undefined, { cause: error });
  }
}

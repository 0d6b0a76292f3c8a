import type { Room, SocketId } from "@portage/server/adapter";
import {
  type AdapterNamespace,
  completeRecovery,
  failAdapter,
  kAnswers,
  kEndSession,
  kEngineClock,
  kOpenSession,
  kResumeSession,
  kTally,
  type RecordedSocket,
  type RecordingAdapter,
  type RestoredSession,
  replayLimit,
  type ResumingAdapter,
  serverClock,
  type SessionToPersist,
  type SocketIoError,
  yieldSession,
} from "@portage/server/relay";
import { ClusterSessions } from "../recovery/sessions.ts";
import type { ClusterStore } from "../recovery/store.ts";
import type { Bus } from "./bus.ts";
import { OrderedAdapter, type OrderedSettings } from "./ordered-adapter.ts";

export interface RecoveringSettings extends OrderedSettings {
  readonly store: ClusterStore;
  /** Names this node as long as its process runs. */
  readonly life: string;
  /** Most encoded bytes of the events of one recovery. */
  readonly maxReplayBytes: number;
}

/** The adapter of a node whose clients can resume on any node: it records sessions, and takes sessions of other nodes. */
export class RecoveringAdapter extends OrderedAdapter implements RecordingAdapter, ResumingAdapter {
  readonly sessions: ClusterSessions;

  constructor(nsp: unknown, bus: Bus, settings: RecoveringSettings) {
    super(nsp, bus, settings);
    const namespace = nsp as AdapterNamespace;
    const { name, server } = namespace;
    const { store, life, maxReplayBytes } = settings;
    this.sessions = new ClusterSessions({
      nsp: name,
      store,
      life,
      tag: () => bus.tag,
      events: this.events,
      clock: server[kEngineClock] ?? serverClock,
      recovery: completeRecovery(server.opts ?? {}),
      // A client that can't read so much would be ended as a slow reader, again and again.
      maxReplayBytes: () => Math.min(maxReplayBytes, replayLimit(server)),
      ask: (owner, pid) => this.askRecord(owner, pid),
      takeAnswers: (pid, from, answers) => this.lateAnswers.take(pid, from, answers),
      endSocket: (pid) => yieldSession(namespace, pid),
      onError: (error) => failAdapter(error, namespace, "rejected"),
      onDropped: () => server[kTally]?.countDropped("maxSessions"),
    });
  }

  override async close(): Promise<void> {
    await super.close();
    await this.sessions.close();
  }

  // ---- rooms -------------------------------------------------------------------------------------------------------

  /** Resolves when the record of the session has the rooms. */
  override addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void {
    const done = super.addAll(id, rooms);
    return this.sessions.join(id, rooms) ?? done;
  }

  /** Resolves when the record of the session does not have the room. */
  override del(id: SocketId, room: Room): Promise<void> | void {
    const done = super.del(id, room);
    return this.sessions.leave(id, [room]) ?? done;
  }

  override delAll(id: SocketId): void {
    super.delAll(id);
    void this.sessions.leave(id);
  }

  // ---- sessions ----------------------------------------------------------------------------------------------------

  [kOpenSession](socket: RecordedSocket): void {
    this.sessions.open(socket, this.socketRooms(socket.id) ?? []);
  }

  override persistSession({ sid, pid, [kAnswers]: answers }: SessionToPersist): void {
    this.sessions.persist(pid, answers);
    this.events.forget(sid);
  }

  [kEndSession](pid: string): void {
    this.sessions.end(pid);
  }

  override [kResumeSession](pid: string, offset: string): Promise<RestoredSession | SocketIoError> {
    return this.sessions.resume(pid, offset);
  }

  protected override giveRecord(pid: string, term: string, to: string): Buffer | undefined {
    const { record, answers } = this.sessions.give(pid, term);
    this.lateAnswers.give(pid, to, answers);
    return record;
  }

  protected override get isAwaited(): boolean {
    return this.sessions.isAwaited || super.isAwaited;
  }
}

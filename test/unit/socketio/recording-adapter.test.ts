import { Adapter } from "@portage/server/adapter";
import {
  kEndSession,
  kOpenSession,
  kResumeSession,
  type RecordedSocket,
  type RecordingAdapter,
  type RestoredSession,
  type ResumingAdapter,
  type SessionToPersist,
  SocketIoError,
} from "@portage/server/relay";
import { expect, test } from "vitest";
import { Bench, type Peer } from "./peer.ts";

/** An adapter that writes down what it hears of sessions. */
class Recorder extends Adapter implements RecordingAdapter, ResumingAdapter {
  static heard: unknown[] = [];
  static found: () => RestoredSession | SocketIoError;

  [kOpenSession](socket: RecordedSocket): void {
    Recorder.heard.push(["open", socket.id, [...(this.socketRooms(socket.id) ?? [])], socket.data]);
  }

  [kEndSession](): void {
    Recorder.heard.push(["end"]);
  }

  [kResumeSession](pid: string, offset: string): Promise<RestoredSession | SocketIoError> {
    Recorder.heard.push(["resume", pid, offset]);
    return Promise.resolve(Recorder.found());
  }

  override persistSession({ sid, rooms }: SessionToPersist): void {
    Recorder.heard.push(["persist", sid, rooms]);
  }
}

function start(options: object = { connectionStateRecovery: {} }): Bench {
  Recorder.heard = [];
  return new Bench({ adapter: Recorder, ...options });
}

const joined = async (peer: Peer, auth: object = {}): Promise<unknown[]> => {
  await peer.say(`0${JSON.stringify(auth)}`);
  return peer.hear();
};
const sidOf = (messages: readonly unknown[]): string =>
  (JSON.parse(String(messages.at(-1)).slice(1)) as { sid: string }).sid;

test("a session opens before its socket is in the room of its id, and is persisted before it ends", async () => {
  const bench = start();
  bench.io.use((socket, next) => {
    void socket.join("early");
    socket.data = "early";
    next();
  });
  const peer = bench.peer();
  const sid = sidOf(await joined(peer));
  peer.transport.lose();
  expect(Recorder.heard).toEqual([["open", sid, ["early"], "early"], ["persist", sid, ["early", sid]], ["end"]]);
});

test("a session that one side ends is not persisted", async () => {
  const bench = start();
  const peer = bench.peer();
  const sid = sidOf(await joined(peer));
  await peer.say("1");
  expect(Recorder.heard).toEqual([["open", sid, [], {}], ["end"]]);
});

test("without recovery an adapter hears of sessions nothing", async () => {
  const bench = start({});
  const peer = bench.peer();
  await joined(peer);
  peer.transport.lose();
  expect(Recorder.heard).toEqual([]);
});

test("the adapter says why a session can't be resumed", async () => {
  const bench = start();
  const error = new SocketIoError("RECOVERY_OFFSET_UNKNOWN");
  Recorder.found = () => error;
  const sid = sidOf(await joined(bench.peer(), { pid: "secret", offset: "abcd1" }));
  expect(Recorder.heard[0]).toEqual(["resume", "secret", "abcd1"]);
  expect(bench.io.sockets.sockets.get(sid)).toMatchObject({ recovered: false, recoveryError: error });
});

test("a session without an offset is resumed, and its events follow the answer", async () => {
  const bench = start();
  Recorder.found = () => ({ sid: "sid", pid: "secret", rooms: ["sid", "red"], data: 1, missedPackets: [["a", 1]] });
  const messages = await joined(bench.peer(), { pid: "secret" });
  // Clients of the reference keep events that come before the answer: if that is lost, they would come twice.
  expect(messages).toEqual(['0{"sid":"sid","pid":"secret"}', '2["a",1]']);
  expect(Recorder.heard).toEqual([
    ["resume", "secret", ""],
    ["open", "sid", ["sid", "red"], 1],
  ]);
});

test("a client whose missed events were lost meanwhile is cut off, so that it comes back", async () => {
  const bench = start();
  const errors: unknown[] = [];
  bench.io.on("handler_error", (error) => errors.push(error));
  const error = new SocketIoError("RECOVERY_FAILED");
  Recorder.found = () => ({
    sid: "sid",
    pid: "secret",
    rooms: ["sid"],
    data: 1,
    get missedPackets(): unknown[][] {
      throw error;
    },
  });
  const peer = bench.peer();
  expect(await joined(peer, { pid: "secret" })).toEqual([]);
  expect(peer.session.readyState).toBe("closed");
  expect(Recorder.heard.slice(1)).toEqual([["persist", "sid", ["sid"]], ["end"]]);
  expect([errors, bench.io.sockets.sockets.size]).toEqual([[error], 0]);
});

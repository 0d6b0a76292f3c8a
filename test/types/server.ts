// Checked by the compiler alone: `tsc -b`. What must be refused is marked; a mark without an error is an error.
import { createServer } from "node:http";
import {
  type BroadcastOperator,
  type DefaultEventsMap,
  type DisconnectReason,
  type Event,
  type ExtendedError,
  type HandlerErrorContext,
  type Namespace,
  type RemoteSocket,
  Server,
  type ServerOptions,
  type Socket,
} from "@portage/server";
import {
  ClusterAdapterWithHeartbeat,
  type ClusterMessage,
  type ClusterResponse,
  MessageType,
  type Offset,
  type ServerId,
} from "@portage/server/adapter";
import { expectTypeOf } from "vitest";

/** Clients and servers without types get this; `any` itself may not be written here. */
type Any = ReturnType<typeof JSON.parse>;

// ---- an untyped server takes anything --------------------------------------------------------------------------------

export function untyped(): void {
  const io = new Server(createServer(), { cors: { origin: "*" }, transports: ["websocket"] });
  expectTypeOf(io).toEqualTypeOf<Server>();
  io.on("connection", (socket) => {
    expectTypeOf(socket).toEqualTypeOf<Socket>();
    expectTypeOf(socket.emit("anything", 1, "two", (answer: string) => answer)).toEqualTypeOf<boolean>();
    socket.on("whatever", (a, ...rest) => {
      expectTypeOf(a).toEqualTypeOf<Any>();
      expectTypeOf(rest).toEqualTypeOf<Any[]>();
    });
    socket.data.anything = 1;
    socket.use((event, next) => {
      expectTypeOf(event).toEqualTypeOf<Event>();
      next(new Error("no"));
    });
    socket.on("disconnect", (reason, description) => {
      expectTypeOf(reason).toEqualTypeOf<DisconnectReason>();
      expectTypeOf(description).toEqualTypeOf<Any>();
    });
    socket.on("error", (err) => expectTypeOf(err).toEqualTypeOf<Error>());
    expectTypeOf(socket.emitWithAck("q")).toEqualTypeOf<Promise<Any>>();
    expectTypeOf(socket.id).toEqualTypeOf<string>();
    expectTypeOf(socket.rooms).toEqualTypeOf<Set<string>>();
    expectTypeOf(socket.join(["a", "b"])).toEqualTypeOf<void | Promise<void>>();
  });
  io.use((socket, next) => {
    const err: ExtendedError = new Error("no");
    err.data = { anything: socket.handshake.auth["token"] };
    next(err);
  });
  expectTypeOf(io.fetchSockets()).toEqualTypeOf<Promise<RemoteSocket<DefaultEventsMap, Any>[]>>();
  io.of(/^\/a/).on("connection", (socket) => expectTypeOf(socket.nsp).toEqualTypeOf<Namespace>());
  io.of((_name, auth, next) => next(null, auth["token"] === 1));
  // @ts-expect-error a number is not a room
  io.to(1);
  // @ts-expect-error nor is there such an event
  io.on("connexion", 1);
}

export function options(): void {
  const some: Partial<ServerOptions> = { path: "/x", serveClient: false, connectTimeout: 1, pingInterval: 1 };
  void new Server(some);
  void new Server(3000, some);
  // @ts-expect-error a path is text
  void new Server({ path: 1 });
}

// ---- four type parameters --------------------------------------------------------------------------------------------

interface ClientToServer {
  say: (text: string, urgent?: boolean) => void;
  ask: (question: string, done: (answer: number) => void) => void;
}
interface ServerToClient {
  told: (text: string, from: number) => void;
  nothing: () => void;
  asked: (question: string, done: (answer: number, more: string) => void) => void;
  failing: (done: (err: Error, answer: string) => void) => void;
}
interface BetweenServers {
  reload: (what: string) => void;
  count: (done: (n: number) => void) => void;
}
interface Data {
  user: string;
}
type Typed = Server<ClientToServer, ServerToClient, BetweenServers, Data>;

export function listening(io: Typed): void {
  io.on("connection", (socket) => {
    expectTypeOf(socket).toEqualTypeOf<Socket<ClientToServer, ServerToClient, BetweenServers, Data>>();
    expectTypeOf(socket.data.user).toEqualTypeOf<string>();
    socket.on("say", (text, urgent) => {
      expectTypeOf(text).toEqualTypeOf<string>();
      expectTypeOf(urgent).toEqualTypeOf<boolean | undefined>();
    });
    socket.on("ask", async (question, done) => {
      expectTypeOf(question).toEqualTypeOf<string>();
      done(1);
      // @ts-expect-error the answer is a number
      done("1");
    });
    // @ts-expect-error clients don't send that
    socket.on("told", () => {});
    // @ts-expect-error the first argument is a string
    socket.on("say", (text: number) => text);
    socket.once("disconnecting", (reason) => expectTypeOf(reason).toEqualTypeOf<DisconnectReason>());
  });
  io.on("new_namespace", (nsp) =>
    expectTypeOf(nsp).toEqualTypeOf<Namespace<ClientToServer, ServerToClient, BetweenServers, Data>>(),
  );
  io.on("reload", (what) => expectTypeOf(what).toEqualTypeOf<string>());
  io.on("count", (done) => done(1));
  // @ts-expect-error that is for sockets
  io.on("say", () => {});
}

export function sending(socket: Socket<ClientToServer, ServerToClient, BetweenServers, Data>): void {
  socket.emit("told", "x", 1);
  socket.emit("nothing");
  socket.emit("asked", "x", (answer, more) => {
    expectTypeOf(answer).toEqualTypeOf<number>();
    expectTypeOf(more).toEqualTypeOf<string>();
  });
  socket.timeout(1).emit("asked", "x", (err, answer, more) => {
    expectTypeOf(err).toEqualTypeOf<Error>();
    expectTypeOf(answer).toEqualTypeOf<number>();
    expectTypeOf(more).toEqualTypeOf<string>();
  });
  socket.timeout(1).emit("failing", (err, answer) => {
    expectTypeOf(err).toEqualTypeOf<Error>();
    expectTypeOf(answer).toEqualTypeOf<string>();
  });
  expectTypeOf(socket.emitWithAck("asked", "x")).toEqualTypeOf<Promise<number>>();
  expectTypeOf(socket.timeout(1).emitWithAck("asked", "x")).toEqualTypeOf<Promise<number>>();
  expectTypeOf(socket.timeout(1).emitWithAck("failing")).toEqualTypeOf<Promise<string>>();
  socket.volatile.compress(true).emit("told", "x", 1);
  // @ts-expect-error too few arguments
  socket.emit("told", "x");
  // @ts-expect-error wrong type
  socket.emit("told", 1, 1);
  // @ts-expect-error clients send that
  socket.emit("say", "x");
  // @ts-expect-error nothing to wait for
  void socket.emitWithAck("told", "x", 1);
}

export function broadcasting(io: Typed, socket: Socket<ClientToServer, ServerToClient, BetweenServers, Data>): void {
  io.emit("told", "x", 1);
  io.to("r").emit("told", "x", 1);
  socket.broadcast.emit("nothing");
  io.timeout(1).emit("asked", "x", (err, answers) => {
    expectTypeOf(err).toEqualTypeOf<Error>();
    expectTypeOf(answers).toEqualTypeOf<number[]>();
  });
  socket
    .to(["r"])
    .timeout(1)
    .emit("failing", (err, answers) => {
      expectTypeOf(err).toEqualTypeOf<Error>();
      expectTypeOf(answers).toEqualTypeOf<string[]>();
    });
  expectTypeOf(io.to("r").timeout(1).emitWithAck("asked", "x")).toEqualTypeOf<Promise<number[]>>();
  expectTypeOf(io.timeout(1).emitWithAck("failing")).toEqualTypeOf<Promise<string[]>>();
  // @ts-expect-error an event with an acknowledgement needs a time limit
  io.emit("asked", "x", () => {});
  // @ts-expect-error without a time limit there is nothing to wait for
  void io.to("r").emitWithAck("asked", "x");
  // @ts-expect-error wrong type
  io.except("r").emit("told", "x", "1");
  const operator: BroadcastOperator<Any, Data> = io.local;
  operator.volatile.emit("told");
}

export async function others(io: Typed): Promise<void> {
  io.serverSideEmit("reload", "x");
  io.serverSideEmit("count", (err, counts) => {
    expectTypeOf(err).toEqualTypeOf<Error>();
    expectTypeOf(counts).toEqualTypeOf<number[]>();
  });
  expectTypeOf(await io.serverSideEmitWithAck("count")).toEqualTypeOf<number[]>();
  // @ts-expect-error not between servers
  io.serverSideEmit("told", "x", 1);
  // @ts-expect-error nothing to wait for
  void io.serverSideEmitWithAck("reload", "x");
  const [remote] = await io.fetchSockets();
  if (remote === undefined) return;
  expectTypeOf(remote.data.user).toEqualTypeOf<string>();
  remote.emit("told", "x", 1);
  // @ts-expect-error wrong type
  remote.emit("told", 1, 1);
  expectTypeOf(remote.timeout(1).emitWithAck("asked", "x")).toEqualTypeOf<Promise<number>>();
}

// ---- the cluster bus --------------------------------------------------------------------------------------------------

export function messages(message: ClusterMessage): string | undefined {
  expectTypeOf(MessageType.BROADCAST).toExtend<number>();
  if (message.type === MessageType.BROADCAST) {
    expectTypeOf(message.data.opts).toExtend<object>();
    return message.nsp;
  }
  // @ts-expect-error there is no such message
  return MessageType.PIGEON as never;
}

export class OwnAdapter extends ClusterAdapterWithHeartbeat {
  protected override doPublish(message: ClusterMessage): Promise<Offset> {
    return Promise.resolve(message.nsp);
  }

  protected override doPublishResponse(requester: ServerId, response: ClusterResponse): Promise<void> {
    expectTypeOf(requester).toEqualTypeOf<string>();
    expectTypeOf(response.type).toExtend<number>();
    return Promise.resolve();
  }
}

export function failures(io: Server): void {
  io.on("handler_error", (error, context) => {
    expectTypeOf(error).toEqualTypeOf<unknown>();
    expectTypeOf(context).toEqualTypeOf<HandlerErrorContext>();
    expectTypeOf(context.how).toEqualTypeOf<"thrown" | "rejected">();
  });
}

// Checked by the compiler alone: `tsc -b`. What must be refused is marked; a mark without an error is an error.
import { createServer } from "node:http";
import {
  type BroadcastOperator,
  type DefaultEventsMap,
  type DisconnectReason,
  type Event,
  type ExtendedError,
  type Namespace,
  type RemoteSocket,
  Server,
  type ServerOptions,
  type Socket,
} from "socket.io";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Is called with a value whose type must be exactly `T`. */
const is =
  <T>() =>
  <U>(_value: U, ..._proof: Equal<T, U> extends true ? [] : [expected: T, found: U]): void => {};

// ---- an untyped server takes anything --------------------------------------------------------------------------------

export function untyped(): void {
  const io = new Server(createServer(), { cors: { origin: "*" }, transports: ["websocket"] });
  is<Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, any>>()(io);
  io.on("connection", (socket) => {
    is<Socket<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, any>>()(socket);
    is<boolean>()(socket.emit("anything", 1, "two", (answer: string) => answer));
    socket.on("whatever", (a, ...rest) => {
      is<any>()(a);
      is<any[]>()(rest);
    });
    socket.data.anything = 1;
    socket.use((event, next) => {
      is<Event>()(event);
      next(new Error("no"));
    });
    socket.on("disconnect", (reason, description) => {
      is<DisconnectReason>()(reason);
      is<any>()(description);
    });
    socket.on("error", (err) => is<Error>()(err));
    is<Promise<any>>()(socket.emitWithAck("q"));
    is<string>()(socket.id);
    is<Set<string>>()(socket.rooms);
    is<void | Promise<void>>()(socket.join(["a", "b"]));
  });
  io.use((socket, next) => {
    const err: ExtendedError = new Error("no");
    err.data = { anything: socket.handshake.auth["token"] };
    next(err);
  });
  is<Promise<RemoteSocket<DefaultEventsMap, any>[]>>()(io.fetchSockets());
  io.of(/^\/a/).on("connection", (socket) => is<Namespace>()(socket.nsp));
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
    is<Socket<ClientToServer, ServerToClient, BetweenServers, Data>>()(socket);
    is<string>()(socket.data.user);
    socket.on("say", (text, urgent) => {
      is<string>()(text);
      is<boolean | undefined>()(urgent);
    });
    socket.on("ask", async (question, done) => {
      is<string>()(question);
      done(1);
      // @ts-expect-error the answer is a number
      done("1");
    });
    // @ts-expect-error clients don't send that
    socket.on("told", () => {});
    // @ts-expect-error the first argument is a string
    socket.on("say", (text: number) => text);
    socket.once("disconnecting", (reason) => is<DisconnectReason>()(reason));
  });
  io.on("new_namespace", (nsp) => is<Namespace<ClientToServer, ServerToClient, BetweenServers, Data>>()(nsp));
  io.on("reload", (what) => is<string>()(what));
  io.on("count", (done) => done(1));
  // @ts-expect-error that is for sockets
  io.on("say", () => {});
}

export function sending(socket: Socket<ClientToServer, ServerToClient, BetweenServers, Data>): void {
  socket.emit("told", "x", 1);
  socket.emit("nothing");
  socket.emit("asked", "x", (answer, more) => {
    is<number>()(answer);
    is<string>()(more);
  });
  socket.timeout(1).emit("asked", "x", (err, answer, more) => {
    is<Error>()(err);
    is<number>()(answer);
    is<string>()(more);
  });
  socket.timeout(1).emit("failing", (err, answer) => {
    is<Error>()(err);
    is<string>()(answer);
  });
  is<Promise<number>>()(socket.emitWithAck("asked", "x"));
  is<Promise<number>>()(socket.timeout(1).emitWithAck("asked", "x"));
  is<Promise<string>>()(socket.timeout(1).emitWithAck("failing"));
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
    is<Error>()(err);
    is<number[]>()(answers);
  });
  socket
    .to(["r"])
    .timeout(1)
    .emit("failing", (err, answers) => {
      is<Error>()(err);
      is<string[]>()(answers);
    });
  is<Promise<number[]>>()(io.to("r").timeout(1).emitWithAck("asked", "x"));
  is<Promise<string[]>>()(io.timeout(1).emitWithAck("failing"));
  // @ts-expect-error an event with an acknowledgement needs a time limit
  io.emit("asked", "x", () => {});
  // @ts-expect-error without a time limit there is nothing to wait for
  void io.to("r").emitWithAck("asked", "x");
  // @ts-expect-error wrong type
  io.except("r").emit("told", "x", "1");
  const operator: BroadcastOperator<any, Data> = io.local;
  operator.volatile.emit("told");
}

export async function others(io: Typed): Promise<void> {
  io.serverSideEmit("reload", "x");
  io.serverSideEmit("count", (err, counts) => {
    is<Error>()(err);
    is<number[]>()(counts);
  });
  is<number[]>()(await io.serverSideEmitWithAck("count"));
  // @ts-expect-error not between servers
  io.serverSideEmit("told", "x", 1);
  // @ts-expect-error nothing to wait for
  void io.serverSideEmitWithAck("reload", "x");
  const [remote] = await io.fetchSockets();
  if (remote === undefined) return;
  is<string>()(remote.data.user);
  remote.emit("told", "x", 1);
  // @ts-expect-error wrong type
  remote.emit("told", 1, 1);
  is<Promise<number>>()(remote.timeout(1).emitWithAck("asked", "x"));
}

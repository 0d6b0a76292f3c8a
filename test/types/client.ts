// Checked by the compiler alone: `tsc -b`. What must be refused is marked; a mark without an error is an error.
import {
  connect,
  type DefaultEventsMap,
  type DisconnectDescription,
  type ExtendedError,
  io,
  Manager,
  type ManagerOptions,
  type ManagerReservedEvents,
  type Socket,
  type SocketOptions,
} from "@portage/client";
import { io as ioOverWebSocket } from "@portage/client/websocket";
import { expectTypeOf } from "vitest";

/** Servers without types get this; `any` itself may not be written here. */
type Any = ReturnType<typeof JSON.parse>;

// ---- an untyped client takes anything --------------------------------------------------------------------------------

export function untyped(): void {
  const socket = io("http://localhost", { auth: { token: "x" }, transports: ["websocket"], retries: 3 });
  expectTypeOf(socket).toEqualTypeOf<Socket>();
  expectTypeOf(io()).toEqualTypeOf<Socket<DefaultEventsMap, DefaultEventsMap>>();
  expectTypeOf(connect({ path: "/live" })).toEqualTypeOf<Socket>();
  expectTypeOf(ioOverWebSocket("/chat")).toEqualTypeOf<Socket>();
  expectTypeOf(new io.Manager("/").socket("/chat")).toEqualTypeOf<Socket>();
  socket.on("whatever", (a, ...rest) => {
    expectTypeOf(a).toEqualTypeOf<Any>();
    expectTypeOf(rest).toEqualTypeOf<Any[]>();
  });
  expectTypeOf(socket.emit("anything", 1, "two", (answer: string) => answer)).toEqualTypeOf<Socket>();
  expectTypeOf(socket.emitWithAck("anything", 1)).toEqualTypeOf<Promise<Any>>();
  socket.volatile.compress(false).send("text");
  socket.onAny((event: string) => event).offAny();
}

// ---- events of its own -----------------------------------------------------------------------------------------------

export function reserved(socket: Socket, manager: Manager): void {
  socket.on("connect", () => {});
  socket.on("connect_error", (error) => expectTypeOf(error).toEqualTypeOf<ExtendedError>());
  socket.on("disconnect", (reason, details) => {
    expectTypeOf(reason).toEqualTypeOf<Socket.DisconnectReason>();
    expectTypeOf(details).toEqualTypeOf<DisconnectDescription | undefined>();
  });
  manager.on("reconnect_attempt", (attempt) => expectTypeOf(attempt).toEqualTypeOf<number>());
  manager.on("error", (error) => expectTypeOf(error).toEqualTypeOf<Error>());
  // @ts-expect-error: managers have no such event
  manager.on("connect", () => {});
  expectTypeOf<keyof ManagerReservedEvents>().toEqualTypeOf<
    | "open"
    | "error"
    | "ping"
    | "packet"
    | "carried"
    | "close"
    | "reconnect_failed"
    | "reconnect_attempt"
    | "reconnect_error"
    | "reconnect"
  >();
}

// ---- events of the user ----------------------------------------------------------------------------------------------

interface ServerToClient {
  news: (title: string, length: number) => void;
  ask: (question: string, answer: (text: string) => void) => void;
}

interface ClientToServer {
  say: (text: string) => void;
  count: (from: number, answer: (total: number) => void) => void;
  message: (text: string) => void;
}

export function typed(): void {
  const socket: Socket<ServerToClient, ClientToServer> = io();
  socket.on("news", (title, length) => expectTypeOf([title, length]).toEqualTypeOf<(string | number)[]>());
  socket.once("ask", (question, answer) => answer(question));
  socket.emit("say", "hello");
  socket.emit("count", 1, (total) => expectTypeOf(total).toEqualTypeOf<number>());
  socket.send("text");
  expectTypeOf(socket.emitWithAck("count", 1)).toEqualTypeOf<Promise<number>>();

  // @ts-expect-error: an event of the server
  socket.emit("news", "title", 1);
  // @ts-expect-error: the text is a string
  socket.emit("say", 1);
  // @ts-expect-error: an argument is missing
  socket.emit("count");
  // @ts-expect-error: an event of the client
  socket.on("say", () => {});
  // @ts-expect-error: the length is a number
  socket.on("news", (title: string, length: string) => [title, length]);
  // @ts-expect-error: the text is a string
  socket.send(1);
  const silent: Socket<ServerToClient, ServerToClient> = io();
  silent.send("its map does not tell of messages", 1);
  // @ts-expect-error: acknowledgements are not among the arguments here
  void socket.emitWithAck("count", 1, () => {});
}

export function withTimeout(socket: Socket<ServerToClient, ClientToServer>): void {
  socket.timeout(5).emit("count", 1, (error, total) => {
    expectTypeOf(error).toEqualTypeOf<Error>();
    expectTypeOf(total).toEqualTypeOf<number>();
  });
  expectTypeOf(socket.timeout(5).emitWithAck("count", 1)).toEqualTypeOf<Promise<number>>();
  // @ts-expect-error: the error comes first
  socket.timeout(5).emit("count", 1, (total: number) => total);
}

// ---- options ---------------------------------------------------------------------------------------------------------

export function options(): void {
  const all: Partial<ManagerOptions & SocketOptions> = {
    auth: (give) => give({ token: "x" }),
    timeout: false,
    query: { a: 1 },
    extraHeaders: { a: "b" },
    wakeOn: (wake) => {
      const timer = setInterval(wake, 1000);
      return () => clearInterval(timer);
    },
  };
  const manager = new Manager("http://localhost", all);
  expectTypeOf(manager.reconnectionDelay()).toEqualTypeOf<number>();
  expectTypeOf(manager.reconnectionDelay(1)).toEqualTypeOf<Manager>();
  expectTypeOf(manager.diagnosis.nextAttemptAt).toEqualTypeOf<number | undefined>();
  // @ts-expect-error: milliseconds are a number
  io({ reconnectionDelay: "1s" });
  // @ts-expect-error: the argument is data
  io({ auth: (give) => give("token") });
  // @ts-expect-error: no such option
  io({ reconectionDelay: 1 });
}

import { createServer } from "node:http";
import type { Socket as Session } from "engine.io";
import type { Server, Socket } from "socket.io";
import type { Target } from "../support/targets.ts";

/** The object of a call and its arguments; `odd` may be any of them. */
export interface Bench {
  readonly target: Target;
  readonly io: Server;
  readonly socket: Socket;
  readonly session: Session;
  readonly odd: never;
  readonly seen: string[];
}

export type Call = (bench: Bench) => unknown;

const noop = (): void => undefined;
const EVERYBODY = { rooms: new Set<string>(), except: new Set<string>() };
const event = (): { type: number; data: unknown[] } => ({ type: 2, data: ["e"] });

/** Returns the rooms of a socket, without its own. */
const roomsOf = ({ rooms, id }: Socket): unknown[] => [...rooms].filter((room) => room !== id);

/** Calls on a server with one client. */
export const CALLS: Readonly<Record<string, Call>> = {
  "socket.emit(odd)": ({ socket, odd }) => socket.emit(odd, 1),
  "socket.emit()": ({ socket }) => (socket.emit as () => boolean)(),
  "socket.emit(name, odd)": ({ socket, odd }) => socket.emit("e", odd),
  "socket.emit(name, odd, ack)": ({ socket, odd }) => socket.emit("e", odd, noop),
  "socket.send(odd)": ({ socket, odd }) => socket.send(odd) === socket,
  "socket.write(odd)": ({ socket, odd }) => socket.write(odd) === socket,
  "socket.compress(odd)": ({ socket, odd }) => socket.compress(odd).emit("e", 1),
  "socket.timeout(odd)": ({ socket, odd }) => socket.timeout(odd).emit("e", 1),
  "socket.join(odd)": async ({ socket, odd }) => (await socket.join(odd), roomsOf(socket)),
  "socket.join([odd])": async ({ socket, odd }) => (await socket.join([odd, "a"]), roomsOf(socket)),
  "socket.leave(odd)": async ({ socket, odd }) => (await socket.join("x"), await socket.leave(odd), roomsOf(socket)),
  "socket.to(odd)": ({ socket, odd }) => socket.to(odd).emit("e"),
  "socket.in(odd)": ({ socket, odd }) => socket.in(odd).emit("e"),
  "socket.except(odd)": ({ socket, odd }) => socket.except(odd).emit("e"),
  "socket.disconnect(odd)": ({ socket, odd }) => socket.disconnect(odd).connected,
  "socket.use(odd)": ({ socket, odd }) => socket.use(odd) === socket,
  "socket.onAny(odd)": ({ socket, odd }) => socket.onAny(odd) === socket,
  "socket.prependAny(odd)": ({ socket, odd }) => socket.prependAny(odd) === socket,
  "socket.offAny(odd)": ({ socket, odd }) => socket.onAny(noop).offAny(odd).listenersAny().length,
  "socket.onAnyOutgoing(odd)": ({ socket, odd }) => socket.onAnyOutgoing(odd).emit("e"),
  "socket.prependAnyOutgoing(odd)": ({ socket, odd }) => socket.prependAnyOutgoing(odd).emit("e"),
  "socket.offAnyOutgoing(odd)": ({ socket, odd }) =>
    socket.onAnyOutgoing(noop).offAnyOutgoing(odd).listenersAnyOutgoing().length,
  "socket.on(name, odd)": ({ socket, odd }) => socket.on("e", odd) === socket,
  "socket.on(odd, fn)": ({ socket, odd }) => socket.on(odd, noop as never) === socket,
  "socket.once(name, odd)": ({ socket, odd }) => socket.once("e", odd) === socket,
  "socket.off(name, odd)": ({ socket, odd }) => socket.off("e", odd) === socket,
  "socket.removeAllListeners(odd)": ({ socket, odd }) =>
    socket.on("e", noop).removeAllListeners(odd).listenerCount("e"),
  "socket.data = odd": ({ socket, odd }) => ((socket.data = odd), socket.data as unknown),
  "io.emit(odd)": ({ io, odd }) => io.emit(odd, 1),
  "io.emit()": ({ io }) => (io.emit as () => boolean)(),
  "io.emit(name, odd)": ({ io, odd }) => io.emit("e", odd),
  "io.local.emit(odd)": ({ io, odd }) => io.local.emit(odd, 1),
  "io.send(odd)": ({ io, odd }) => io.send(odd) === io,
  "io.write(odd)": ({ io, odd }) => io.write(odd) === io,
  "io.to(odd)": ({ io, odd }) => io.to(odd).emit("e", 1),
  "io.to([odd])": ({ io, odd }) => io.to([odd]).emit("e", 1),
  "io.in(odd)": ({ io, odd }) => io.in(odd).emit("e", 1),
  "io.except(odd)": ({ io, odd }) => io.except(odd).emit("e", 1),
  "io.to(odd) after join(odd)": ({ io, socket, odd }) => (socket.join(odd), io.to(odd).emit("e", 1)),
  "io.compress(odd)": ({ io, odd }) => io.compress(odd).emit("e", 1),
  "io.timeout(odd)": ({ io, odd }) => io.timeout(odd).emit("e", 1),
  "io.in(odd).fetchSockets()": async ({ io, odd }) => (await io.in(odd).fetchSockets()).length,
  "io.in(odd).allSockets()": async ({ io, odd }) => (await io.in(odd).allSockets()).size,
  "io.socketsJoin(odd)": ({ io, socket, odd }) => (io.socketsJoin(odd), roomsOf(socket)),
  "io.socketsLeave(odd)": ({ io, socket, odd }) => (socket.join("x"), io.socketsLeave(odd), roomsOf(socket)),
  "io.in(odd).socketsJoin()": ({ io, socket, odd }) => (io.in(odd).socketsJoin("r"), roomsOf(socket)),
  "io.disconnectSockets(odd)": ({ io, socket, odd }) => (io.disconnectSockets(odd), socket.connected),
  "session.send(odd)": ({ session, odd }) => session.send(odd) === session,
  "session.send(data, odd)": ({ session, odd }) => session.send("x", odd) === session,
  "session.send(data, odd, fn)": ({ session, seen, odd }) =>
    session.send("x", odd, () => seen.push("sent")) === session,
  "session.send(odd, {}, fn)": ({ session, seen, odd }) => session.send(odd, {}, () => seen.push("sent")) === session,
  "session.send(data, {}, odd)": ({ session, odd }) => session.send("x", {}, odd) === session,
  "session.send(data, fn, odd)": ({ session, seen, odd }) =>
    session.send("x", (() => seen.push("sent")) as never, odd) === session,
  "session.write(odd)": ({ session, odd }) => session.write(odd) === session,
  "session.write(data, odd)": ({ session, odd }) => session.write("x", odd) === session,
  "session.write(data, {}, odd)": ({ session, odd }) => session.write("x", {}, odd) === session,
  "session.close(odd)": ({ session, odd }) => (session.close(odd), session.readyState),
  "adapter.addAll(id, odd)": ({ io, socket, odd }) => io.sockets.adapter.addAll(socket.id, odd),
  "adapter.addAll(odd)": ({ io, odd }) => {
    const { adapter } = io.of("/addAll");
    void adapter.addAll(odd, new Set(["r"]));
    return [adapter.sids.has(odd), [...(adapter.sids.get(odd) ?? [])], [...(adapter.rooms.get("r") ?? [])]];
  },
  "adapter.addAll(id, Set of odd)": ({ io, odd }) => {
    const { adapter } = io.of("/addAll2");
    void adapter.addAll("id", new Set([odd]));
    void adapter.addAll("id", new Set(["r"]));
    return [[...(adapter.sids.get("id") ?? [])], [...(adapter.rooms.get(odd) ?? [])]];
  },
  "adapter.del(odd)": ({ io, odd }) => io.sockets.adapter.del(odd, "r"),
  "adapter.del(id, odd)": ({ io, socket, odd }) => io.sockets.adapter.del(socket.id, odd),
  "adapter.delAll(odd)": ({ io, odd }) => io.sockets.adapter.delAll(odd),
  "adapter.broadcast(packet, odd)": ({ io, odd }) => io.sockets.adapter.broadcast(event(), odd),
  "adapter.broadcast(packet, { rooms: odd })": ({ io, odd }) => io.sockets.adapter.broadcast(event(), { rooms: odd }),
  "adapter.broadcast(packet, { except: odd })": ({ io, odd }) =>
    io.sockets.adapter.broadcast(event(), { ...EVERYBODY, except: odd }),
  "adapter.broadcast(packet, { flags: odd })": ({ io, odd }) =>
    io.sockets.adapter.broadcast(event(), { ...EVERYBODY, flags: odd }),
  "adapter.broadcast(odd)": ({ io, odd }) => io.sockets.adapter.broadcast(odd, EVERYBODY),
  "adapter.sockets(odd)": async ({ io, odd }) => (await io.sockets.adapter.sockets(odd)).size,
  "adapter.socketRooms(odd)": ({ io, odd }) => io.sockets.adapter.socketRooms(odd),
  "adapter.fetchSockets(odd)": async ({ io, odd }) => (await io.sockets.adapter.fetchSockets(odd)).length,
  "adapter.addSockets(opts, odd)": ({ io, odd }) => io.sockets.adapter.addSockets(EVERYBODY, odd),
  "adapter.delSockets(opts, odd)": ({ io, odd }) => io.sockets.adapter.delSockets(EVERYBODY, odd),
  "adapter.disconnectSockets(opts, odd)": ({ io, odd }) => io.sockets.adapter.disconnectSockets(EVERYBODY, odd),
  "adapter.persistSession(odd)": ({ io, odd }) => io.sockets.adapter.persistSession(odd),
  "adapter.restoreSession(odd)": ({ io, odd }) => io.sockets.adapter.restoreSession(odd, odd),
  "io.of(odd)": ({ io, odd }) => io.of(odd).name,
  "io.of(name, odd)": ({ io, odd }) => io.of("/b", odd).name,
  "io.on(name, odd)": ({ io, odd }) => io.of("/c").on("connection", odd) !== undefined,
  "io.use(odd)": ({ io, odd }) => io.of("/d").use(odd) === io.of("/d"),
  "io.path(odd)": ({ target, odd }) => {
    const io = new target.socketio.Server();
    return io.path(odd) === io && io.path();
  },
  "io.serveClient(odd)": ({ target, odd }) => {
    const io = new target.socketio.Server();
    return io.serveClient(odd) === io && io.serveClient();
  },
  "io.connectTimeout(odd)": ({ target, odd }) => {
    const io = new target.socketio.Server();
    const result: unknown = io.connectTimeout(odd);
    return result === io ? io.connectTimeout() : result;
  },
  "io.adapter(odd)": ({ target, odd }) => new target.socketio.Server().adapter(odd) !== undefined,
  "io.bind(odd)": ({ target, odd }) => new target.socketio.Server().bind(odd) !== undefined,
  "io.close(odd)": ({ target, odd }) => void new target.socketio.Server(createServer()).close(odd),
  "io.attach(http, odd)": ({ target, odd }) => typeof new target.socketio.Server().attach(createServer(), odd),
  "new Server(undefined, odd)": ({ target, odd }) => typeof new target.socketio.Server(undefined, odd),
  "new Server(http, odd)": ({ target, odd }) => typeof new target.socketio.Server(createServer(), odd),
  "new Engine(odd)": ({ target, odd }) => new target.engine.Server(odd).close() !== undefined,
  "engine.attach(odd)": ({ target, odd }) => (new target.engine.Server().attach(odd), 0),
  "engine.attach(http, odd)": ({ target, odd }) => (new target.engine.Server().attach(createServer(), odd), 0),
  "attach(odd)": ({ target, odd }) => typeof target.engine.attach(odd, {}),
  "attach(http, odd)": ({ target, odd }) => typeof target.engine.attach(createServer(), odd),
  "engine.use(odd)": ({ target, odd }) => (new target.engine.Server().use(odd), 0),
  "engine.handleRequest(odd)": ({ target, odd }) => typeof new target.engine.Server().handleRequest(odd, odd),
  "engine.handleUpgrade(odd)": ({ target, odd }) => typeof new target.engine.Server().handleUpgrade(odd, odd, odd),
};

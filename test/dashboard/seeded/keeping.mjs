// Faults of a program that never lets go.
import { every } from "./random.mjs";

const kept = [];
let count = 0;

/** Clients that come and go. */
function churn({ ports, variant, connect, talk }, namespace = "") {
  every([400, 600, 300][variant - 1], () => {
    const socket = connect(ports[0], { name: `guest-${count++}`, namespace, i: count });
    talk(socket, 500);
    setTimeout(() => socket.disconnect(), 2500);
  });
}

export const KEEPING = {
  "leak of rooms": {
    named: [1, 2, 3].map(() => [["GROWS"], "rooms"]),
    server(io, variant) {
      io.on("connection", (socket) => {
        if (variant === 1) socket.on("say", () => count++ % 6 === 0 && socket.join(`document-${count}`));
        if (variant === 2) socket.on("open", () => socket.join(`order:${count++}`));
      });
      io.of("/editor").on("connection", (socket) => socket.on("open", (id) => socket.join(`page/${id}`)));
    },
    crowd({ ports, variant, connect }) {
      if (variant === 1) return;
      const socket = connect(ports[0], { name: "shop", namespace: variant === 3 ? "/editor" : "", i: variant });
      every(variant === 2 ? 250 : 150, () => socket.emit("open", count++));
    },
  },
  "leak of acks": {
    named: [1, 2, 3].map(() => [["GROWS"], "pending acknowledgements"]),
    server(io, variant) {
      const name = (socket) => socket.handshake.auth.name ?? "";
      if (variant === 1)
        every(300, () =>
          io
            .of("/")
            .sockets.forEach((socket) => /-[1-5]$/.test(name(socket)) && socket.emit("seen?", () => kept.pop())),
        );
      if (variant === 2)
        io.on("connection", (socket) => socket.on("say", () => socket.emit("receipt", count++, () => count--)));
      if (variant === 3)
        every(200, () => io.of("/devices").sockets.forEach((socket) => socket.emit("status", () => undefined)));
    },
    crowd({ ports, variant, connect }) {
      if (variant === 3) connect(ports[0], { name: "sensor", namespace: "/devices" });
    },
  },
  "leak of listeners": {
    named: [
      [["GROWS"], "listeners of sockets"],
      [["GROWS"], "listeners of sockets"],
      [["GROWS"], "listeners of the server"],
    ],
    server(io, variant) {
      io.on("connection", (socket) => {
        socket.setMaxListeners(0);
        socket.conn.setMaxListeners(0);
        io.engine.setMaxListeners(0);
        if (variant === 1) socket.on("subscribe", () => socket.on("disconnect", () => count++));
        if (variant === 2) socket.on("say", () => count++ % 5 === 0 && socket.conn.once("close", () => count--));
        if (variant === 3) socket.on("say", () => count++ % 8 === 0 && io.engine.on("connection_error", () => count--));
      });
    },
    crowd({ ports, variant, connect }) {
      if (variant !== 1) return;
      const socket = connect(ports[0], { name: "dashboard-tab" });
      every(200, () => socket.emit("subscribe"));
    },
  },
  "kept sockets": {
    named: [1, 2, 3].map(() => [["GROWS"], "closed sockets"]),
    server(io, variant) {
      const online = new Map();
      if (variant === 1) io.on("connection", (socket) => online.set(socket.id, socket));
      if (variant === 2)
        io.on("connection", (socket) => {
          const timer = every(1000, () => socket.connected && socket.emit("beat"));
          kept.push(timer);
        });
      if (variant === 3)
        io.of("/lounge").on("connection", (socket) => {
          kept.push({ since: Date.now(), leave: () => socket.leave("lounge") });
        });
    },
    crowd: (tools) => churn(tools, tools.variant === 3 ? "/lounge" : ""),
  },
  "leak of heap": {
    named: [1, 2, 3].map(() => [["GROWS"], "heap"]),
    server(io, variant) {
      const cache = new Map();
      io.on("connection", (socket) =>
        socket.on("say", (text) => {
          if (variant === 1)
            cache.set(count++, { text, at: new Date(), parts: Array.from({ length: 900 }, (_, i) => i * 1.5) });
          if (variant === 2) kept.push(Buffer.alloc(12_000, text || "x"));
          if (variant === 3)
            kept.push(JSON.parse(JSON.stringify({ text, rows: Array.from({ length: 120 }, () => ({ text })) })));
        }),
      );
    },
  },
};

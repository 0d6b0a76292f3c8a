// Faults of traffic.
import { every } from "./random.mjs";

const byName = (io, name) => [...io.of("/").sockets.values()].filter(({ handshake }) => handshake.auth.name === name);

function block(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Reads nothing more from a stream. */
function stopReading(stream) {
  stream.pause();
  stream.resume = () => stream;
}

export const TRAFFIC = {
  stalled: {
    named: [1, 2, 3].map((i) => [["SLOW_CLIENTS"], `kiosk-${i}`]),
    server(io, variant) {
      if (variant === 1)
        every(100, () => byName(io, "kiosk-1").forEach((socket) => socket.emit("video", Buffer.alloc(1e5))));
      else if (variant === 2) every(100, () => io.to(["screens", "table-0"]).emit("board", "x".repeat(25_000)));
      else every(200, () => io.to("screens").emit("picture", { pixels: "y".repeat(40_000) }));
    },
    crowd({ ports, variant, connect }) {
      const transports = variant === 3 ? ["polling"] : ["websocket"];
      // An odd number: the client of socket.io, whose stream can be paused.
      const socket = connect(ports[0], { name: `kiosk-${variant}`, room: "screens", i: 1, transports });
      socket.once("connect", () =>
        setTimeout(() => {
          const { transport } = socket.io.engine;
          if (variant === 3) transport.doPoll = () => undefined;
          else stopReading(transport.ws._socket);
        }, 2000),
      );
    },
  },
  "hot room": {
    named: [
      [["HOT_ROOM"], "auction-17"],
      [["HOT_ROOM"], "arena"],
      [["HOT_ROOM"], "quotes:EUR"],
    ],
    server(io, variant) {
      io.on("connection", (socket) => {
        const number = Number(socket.handshake.auth.name?.split("-")[1]);
        if (number % 2 === 0) socket.join("auction-17");
        if (number % 4 !== 0) socket.join("quotes:EUR");
      });
      io.of("/game").on("connection", (socket) => socket.join("arena"));
      if (variant === 1) every(20, () => io.to("auction-17").emit("bid", 42));
      if (variant === 2) every(25, () => io.of("/game").to("arena").emit("moved", { x: 1, y: 2 }));
      if (variant === 3) every(25, () => io.to("quotes:EUR").volatile.emit("quote", 1.0812));
    },
    crowd({ ports, variant, connect }) {
      if (variant !== 2) return;
      for (let i = 0; i < 25; i++) connect(ports[0], { name: `player-${i}`, namespace: "/game", i });
    },
  },
  "hot client": {
    named: [1, 2, 3].map((i) => [["HOT_CLIENT"], `bot-${i}`]),
    crowd({ ports, variant, connect }) {
      const transports = variant === 3 ? ["polling"] : ["websocket"];
      const socket = connect(ports[0], { name: `bot-${variant}`, i: variant, transports });
      const send = [
        () => socket.emit("say", "again"),
        () => socket.emit("say", "again", () => undefined),
        () => Array.from({ length: 10 }, () => socket.emit("moved", { x: 1 })),
      ][variant - 1];
      every([5, 8, 60][variant - 1], send);
    },
  },
  "blocking handler": {
    named: [
      [["LOOP_LATE", "HOT_EVENT"], "report"],
      [["LOOP_LATE", "HOT_EVENT"], "export"],
      [["LOOP_LATE", "HOT_EVENT"], "rebuild (/admin)"],
    ],
    server(io) {
      io.on("connection", (socket) => {
        socket.on("report", () => block(180));
        socket.on("export", (done) => {
          block(500);
          done();
        });
      });
      io.of("/admin").on("connection", (socket) => socket.on("rebuild", async () => block(1300)));
    },
    crowd({ ports, variant, connect }) {
      const namespace = variant === 3 ? "/admin" : "";
      const socket = connect(ports[0], { name: "clerk", namespace, i: variant });
      const send = [
        () => socket.emit("report"),
        () => socket.emit("export", () => undefined),
        () => socket.emit("rebuild"),
      ][variant - 1];
      every([700, 2500, 7000][variant - 1], send);
    },
  },
};

// Programs without a fault: the page must not find one.
import { every } from "./random.mjs";

export const HEALTHY = {
  "healthy: chat": { named: [], clients: [40] },
  "healthy: idle": { named: [], clients: [3] },
  "healthy: alone": { named: [], clients: [1] },
  "healthy: ticker": {
    named: [],
    clients: [50],
    server: (io) =>
      every(20, () => io.emit("tick", { price: 42, at: Date.now() })) && every(20, () => io.emit("tock", 1)),
  },
  "healthy: come and go": {
    named: [],
    clients: [30],
    crowd({ ports, connect, random, talk }) {
      let guests = 0;
      every(700, () => {
        const socket = connect(ports[0], { name: `guest-${guests++}`, room: `table-${guests % 8}`, i: guests });
        talk(socket, 900);
        setTimeout(() => socket.disconnect(), 4000 + random.below(20_000));
      });
    },
  },
  "healthy: one room for all": {
    named: [],
    clients: [40],
    server: (io) => {
      io.on("connection", (socket) => socket.join("everyone"));
      every(100, () => io.to("everyone").emit("tick", 1));
    },
  },
  "healthy: admin": {
    named: [],
    clients: [40],
    server: (io) =>
      io.on("connection", (socket) => {
        if (socket.handshake.auth.name === "admin") socket.join("admins");
        socket.onAny((name) => {
          for (let i = 0; i < 10; i++) io.to("admins").emit("seen", name);
        });
      }),
    crowd: ({ ports, connect }) => connect(ports[0], { name: "admin" }),
  },
  "healthy: upload": {
    named: [],
    clients: [20],
    crowd({ ports, connect }) {
      const socket = connect(ports[0], { name: "camera" });
      every(20_000, () => Array.from({ length: 1000 }, () => socket.emit("say", "x".repeat(1000))));
    },
  },
  "healthy: waits for the return": {
    named: [],
    clients: [20],
    server: (io) =>
      io.on("connection", (socket) => {
        socket.on("disconnect", () => setTimeout(() => io.emit("left", socket.handshake.auth.name), 25_000));
      }),
    crowd({ ports, connect, random }) {
      let guests = 0;
      every(900, () => {
        const socket = connect(ports[0], { name: `guest-${guests++}` });
        setTimeout(() => socket.disconnect(), 3000 + random.below(6000));
      });
    },
  },
  "healthy: burst": {
    named: [],
    clients: [10],
    crowd({ ports, connect, talk }) {
      for (let i = 0; i < 500; i++) talk(connect(ports[0], { name: `early-${i}`, room: `hall-${i % 20}`, i }), 15_000);
    },
  },
  "healthy: frames": {
    named: [],
    clients: [5],
    // The last 20 MB of a camera: the memory of buffers is freed later than their objects.
    server() {
      const frames = Array.from({ length: 4000 }, () => Buffer.alloc(5000, 1));
      let count = 0;
      every(20, () => {
        for (let i = 0; i < 4; i++) frames[count++ % frames.length] = Buffer.alloc(5000, 1);
      });
    },
  },
};

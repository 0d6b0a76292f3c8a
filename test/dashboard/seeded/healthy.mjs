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

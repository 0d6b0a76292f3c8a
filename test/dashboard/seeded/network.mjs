// Faults between the clients and the server.
import { every } from "./random.mjs";
import { startHttpRelay, startTcpRelay } from "./relays.mjs";

export const NETWORK = {
  "stripped upgrade": {
    named: [
      [["STUCK_ON_POLLING"], "all networks"],
      [["STUCK_ON_POLLING"], "127.9.9.0/24"],
      [["STUCK_ON_POLLING"], "127.20.1.0/24"],
    ],
    async crowd({ ports, variant, connect, talk }) {
      const localAddress = ["127.0.0.1", "127.9.9.9", "127.20.1.4"][variant - 1];
      const { port } = await startHttpRelay({ pick: () => ports[0], localAddress, upgrades: false });
      const transports = ["polling", "websocket"];
      for (let i = 0; i < [30, 8, 4][variant - 1]; i++)
        talk(connect(port, { name: `office-${i}`, i, transports }), 800);
    },
  },
  "unsticky balancer": {
    named: [1, 2, 3].map(() => [["NOT_STICKY"], "balancer"]),
    servers: [2, 3, 2],
    async crowd({ ports, variant, connect, random, talk }) {
      let turn = 0;
      const pick = () => ports[variant === 3 ? random.below(ports.length) : turn++ % ports.length];
      const { port } = await startHttpRelay({ pick });
      for (let i = 0; i < [10, 6, 12][variant - 1]; i++)
        talk(connect(port, { name: `far-${i}`, i, transports: ["polling", "websocket"] }), 800);
    },
  },
  "flapping network": {
    named: [
      [["RECONNECT_STORM", "TIMEOUTS_THEIRS"], "127.31.0.0/24"],
      [["RECONNECT_STORM", "TIMEOUTS_THEIRS"], "127.31.0.0/24"],
      [["RECONNECT_STORM", "TIMEOUTS_THEIRS"], "127.31.0.0/24"],
    ],
    options: { pingInterval: 5000, pingTimeout: 4000 },
    async crowd({ ports, variant, connect, random, talk }) {
      const relay = await startTcpRelay(ports[0], "127.31.0.7");
      for (let i = 0; i < [20, 25, 20][variant - 1]; i++)
        talk(connect(relay.port, { name: `train-${i}`, i, ...(variant === 1 && { transports: ["websocket"] }) }), 700);
      if (variant === 1) every(6000, () => relay.cut());
      if (variant === 2) every(500, () => relay.cut(() => random.share() < 0.12));
      if (variant === 3) {
        every(14_000, () => {
          relay.freeze(true);
          setTimeout(() => {
            relay.cut();
            relay.freeze(false);
          }, 11_000);
        });
      }
    },
  },
};

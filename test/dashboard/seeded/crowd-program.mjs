// Clients of all kinds that behave well, and those of one fault: node crowd-program.mjs <fault> <variant> <port> [<port>].
import { io as ours } from "@portage/client";
import { io as theirs } from "socket.io-client";
import { FAULTS } from "./faults.mjs";
import { randomOf } from "./random.mjs";

const [fault, variant, ...ports] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const { crowd, clients = [30, 35, 40] } = FAULTS[fault];
const random = randomOf(variant * 7919 + 17);
const ROOMS = 8;
const WORDS = ["hello", "good morning", "see you at the fountain", "a longer message ".repeat(12)];

/** Most begin with polling and upgrade, some use WebSocket alone, and few polling alone. */
const transportsOf = (i) => (i % 12 === 5 ? ["polling"] : i % 3 === 0 ? ["websocket"] : ["polling", "websocket"]);

function connect(port, { name, room, namespace = "", i = 0, ...options } = {}) {
  const io = i % 2 === 0 ? ours : theirs;
  const auth = { name, ...(room !== undefined && { room }) };
  const where = `http://127.0.0.1:${port}${namespace}`;
  return io(where, { auth, forceNew: true, transports: transportsOf(i), reconnectionDelay: 500, ...options });
}

function talk(socket, mean) {
  const next = () => {
    if (socket.connected) socket.emit("say", WORDS[random.below(WORDS.length)], () => undefined);
    setTimeout(next, mean * (0.5 + random.share()));
  };
  setTimeout(next, mean * random.share());
}

const count = clients[variant - 1] ?? clients[0];
for (let i = 0; i < count; i++) {
  const port = ports[0];
  talk(connect(port, { name: `user-${i}`, room: `table-${i % ROOMS}`, i }), 400 + 200 * variant);
}
setTimeout(() => crowd?.({ ports, variant, connect, random, talk }), 3000);
process.stdout.write("crowd\n");

// The codec alone, compared with socket.io-parser and JSON: nanoseconds of CPU per packet, in this process.
import { createRequire } from "node:module";
import { Decoder, Encoder } from "@portage/parser";
import { median, save } from "./report.mjs";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const ofSocketIo = createRequire(createRequire(import.meta.url).resolve("socket.io"));
const reference = ofSocketIo("socket.io-parser");

const JSON_2K = Array.from({ length: 60 }, (_, id) => ({ id, name: `user ${id * 7}` }));
const messages = {
  "10 characters": ["echo", "x".repeat(10)],
  "an object": ["chat", { room: "lobby", from: "ann", text: "hello there", at: 1_700_000_000_000 }],
  "2 KiB of objects": ["list", JSON_2K],
  "64 KiB of text": ["text", Buffer.alloc(65_536, "x").toString("latin1")],
  "1 KiB binary": ["bytes", Buffer.alloc(1024, 1)],
};

/** The work of each contender; `JSON` does without packets, as the lower bound. */
function encoders(data) {
  const packet = () => ({ type: 2, nsp: "/", data, options: {} });
  const ours = new Encoder();
  const theirs = new reference.Encoder();
  return {
    "socket.io": () => theirs.encode(packet()),
    portage: () => ours.encode(packet()),
    JSON: () => JSON.stringify(data),
  };
}

function decoders(data) {
  const parts = new Encoder().encode({ type: 2, nsp: "/", data });
  const json = JSON.stringify(data);
  const decode = (decoder) => {
    decoder.on("decoded", () => {});
    return () => {
      for (const part of parts) decoder.add(part);
    };
  };
  return {
    "socket.io": decode(new reference.Decoder()),
    portage: decode(new Decoder()),
    JSON: () => JSON.parse(json),
  };
}

/** Measures nanoseconds of CPU per call, over about 50 ms. */
function cost(work, times) {
  const { user, system } = process.cpuUsage();
  for (let turn = 0; turn < times; turn += 1) work();
  const spent = process.cpuUsage({ user, system });
  return ((spent.user + spent.system) * 1000) / times;
}

function measure(contenders) {
  const names = Object.keys(contenders);
  const times = {};
  for (const name of names) {
    const each = cost(contenders[name], 50);
    times[name] = Math.max(20, Math.min(200_000, Math.round(5e7 / each)));
    cost(contenders[name], times[name]);
  }
  const rounds = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of names) rounds[name].push(cost(contenders[name], times[name]));
  }
  return Object.fromEntries(names.map((name) => [name, median(rounds[name])]));
}

console.log(`ns of CPU for each packet, medians of ${ROUNDS} rounds\n`);
console.log(`${"".padEnd(28)}${["socket.io", "portage", "JSON", "ratio"].map((text) => text.padStart(11)).join("")}`);
const results = {};
for (const [verb, contendersOf] of Object.entries({ encode: encoders, decode: decoders })) {
  for (const [title, data] of Object.entries(messages)) {
    const isBinary = data[1] instanceof Buffer;
    const figures = measure(contendersOf(data));
    if (isBinary) figures.JSON = undefined;
    const ratio = figures.portage / figures["socket.io"];
    results[`${verb}, ${title}`] = { ...figures, ratio };
    const cells = [figures["socket.io"], figures.portage, figures.JSON].map((value) => value?.toFixed(0) ?? "-");
    const line = [...cells, ratio.toFixed(2)].map((text) => text.padStart(11)).join("");
    console.log(`${`${verb}, ${title}`.padEnd(28)}${line}`);
  }
}
save("parser", ROUNDS, { rows: results });

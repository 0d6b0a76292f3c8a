// Makes the report, the usage and the table of docs/doctor.md from the doctor, or checks that they are up to date
// (`--check`). Runs on what was built.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";

const require = createRequire(import.meta.url);
const built = (name) => require(`../packages/server/dist/doctor/${name}.js`);
const { USAGE } = built("arguments");
const { CODES } = built("codes");
const { finding } = built("finding");
const { report } = built("report");

/** A server behind an nginx that has the defaults of a web site. */
const EXAMPLE = {
  url: "http://localhost:8080/",
  path: "/socket.io/",
  verdict: "limited",
  works: ["polling"],
  steps: [
    {
      name: "all",
      title: "All steps",
      findings: [
        finding("ADDRESS_FOUND", { host: "localhost", addresses: "127.0.0.1" }),
        finding("TCP_OPEN", { address: "127.0.0.1", port: 8080, ms: 1 }),
        finding("HANDSHAKE_OK", { ms: 3, pingInterval: 25_000, maxPayload: 1_000_000 }),
        finding("STICKY_OK", { count: 8 }),
        finding("POST_OK", { ms: 3 }),
        finding("NAMESPACE_JOINED", { namespace: "/" }),
        finding("BODY_LIMITED", {
          refused: 101_562,
          status: 413,
          server: " (nginx/1.22.1)",
          maxPayload: 1_000_000,
          passed: 99_609,
        }),
        finding("COMPRESSION_NONE"),
        finding("WEBSOCKET_STRIPPED"),
      ],
    },
  ],
};

const levelOf = ({ level, breaks = [] }) => (breaks.length === 1 ? `${level} (${breaks[0]})` : level);
const block = (text) => `\`\`\`\n${text.trim()}\n\`\`\``;

const PARTS = {
  report: () => block(report(EXAMPLE)),
  usage: () => block(USAGE),
  codes: () =>
    [
      "| code | level | what it says |",
      "| --- | --- | --- |",
      ...Object.entries(CODES).map(([code, kind]) => `| \`${code}\` | ${levelOf(kind)} | ${kind.sentence} |`),
    ].join("\n"),
};

const file = fileURLToPath(new URL("../docs/doctor.md", import.meta.url));
const page = readFileSync(file, "utf8");
let text = page;
for (const [name, make] of Object.entries(PARTS)) {
  const [start, end] = [`<!-- doctor-doc: ${name} -->`, `<!-- doctor-doc: end of ${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from === -1 || to === -1) throw new Error(`docs/doctor.md has no "${start}" or no "${end}"`);
  text = `${text.slice(0, from)}${start}\n\n${make()}\n\n${text.slice(to)}`;
}
const formatted = await format(text, { ...(await resolveConfig(file)), filepath: file });
if (!process.argv.includes("--check")) {
  writeFileSync(file, formatted);
} else if (page !== formatted) {
  console.error("docs/doctor.md is out of date: run `node scripts/doctor-doc.mjs`");
  process.exit(1);
}

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ENGINE_PARSER_ERRORS, SOCKET_PARSER_ERRORS } from "../../packages/parser/src/errors.ts";
import { ENGINE_ERRORS } from "../../packages/client/src/engine/errors.ts";
import { ALL_CLOSE_CODES, DISCONNECT_CODES } from "../../packages/server/src/socketio/report/close-codes.ts";
import { ALL_LIMIT_CODES } from "../../packages/server/src/socketio/report/limit-codes.ts";
import { USAGE_ERRORS } from "../../packages/server/src/engine/usage-errors.ts";
import { REFUSALS } from "../../packages/server/src/engine/report/refusals.ts";
import { SOCKETIO_ERRORS } from "../../packages/server/src/socketio/report/errors.ts";
import { VIOLATIONS } from "../../packages/websocket/src/core/violations.ts";

const packages = fileURLToPath(new URL("../../packages", import.meta.url));

/** Every source file, without its comments. */
const SOURCES: ReadonlyMap<string, string> = new Map(
  ["parser", "websocket", "server", "client"].flatMap((name) => {
    const root = join(packages, name, "src");
    return (readdirSync(root, { recursive: true }) as string[])
      .filter((file) => file.endsWith(".ts"))
      .map((file) => [
        relative(packages, join(root, file)).replaceAll("\\", "/"),
        readFileSync(join(root, file), "utf8").replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, ""),
      ]);
  }),
);

/** A declared code: the key of a table, or a member of a type with one per line. */
const ROW = /^ +(?:"?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"?(?=:|,$)|\| "([A-Z0-9_]+)"(?=;?$))/gm;
/** A used code: a string, or a member of its table. */
const USE = /(?<!^ +\| )"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"(?!:)|(?:ERRORS|CODES|VIOLATIONS|REFUSALS)\.([A-Z0-9_]+)/gm;

const found = (pattern: RegExp): Set<string> =>
  new Set([...SOURCES.values()].flatMap((text) => [...text.matchAll(pattern)].map((match) => (match[1] ?? match[2])!)));
const uses = found(USE);

/** The codes of the client's Socket.IO layer are a type. */
const CLIENT_CODES = Object.fromEntries(
  [...SOURCES.get("client/src/socketio/errors.ts")!.matchAll(/\| "(\w+)"/g)].map((match) => [match[1]!, true]),
);

const TABLES: Readonly<Record<string, object>> = {
  ALL_CLOSE_CODES,
  DISCONNECT_CODES,
  ALL_LIMIT_CODES,
  REFUSALS,
  USAGE_ERRORS,
  SOCKETIO_ERRORS,
  ENGINE_PARSER_ERRORS,
  SOCKET_PARSER_ERRORS,
  VIOLATIONS,
  ENGINE_ERRORS,
  CLIENT_CODES,
};

describe.each(Object.entries(TABLES))("each code is raised somewhere: %s", (_name, table) => {
  test.each(Object.keys(table))("%s", (code) => expect(uses).toContain(code));
});

/** Codes that are not ours to document: of Node.js, and of Fastify's errors, which carry their sentence where they are made. */
const FOREIGN = /^(ERR|FST_PORTAGE|EAI)_/;

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");

test("each code that is raised stands in a table, or in the README of its package", () => {
  const rows = found(ROW);
  for (const table of Object.values(TABLES)) for (const code of Object.keys(table)) rows.add(code);
  for (const name of ["websocket", "client"]) {
    for (const [, code] of read(`packages/${name}/README.md`).matchAll(/`([A-Z0-9_]+)`/g)) rows.add(code!);
  }
  expect([...uses].filter((code) => !rows.has(code) && !FOREIGN.test(code))).toEqual([]);
});

test("each code is documented", () => {
  const { ENGINE_ERRORS: ofEngine, CLIENT_CODES: ofClient } = TABLES;
  const documents: [string, readonly object[]][] = [
    ["docs/errors.md", Object.values(TABLES)],
    ["packages/client/README.md", [ofEngine!, ofClient!]],
  ];
  for (const [path, tables] of documents) {
    const document = read(path);
    const missing = tables.flatMap((table) => Object.keys(table)).filter((code) => !document.includes(`\`${code}\``));
    expect(missing).toEqual([]);
  }
});

/** The sentence of a row: the row itself, or its message. Clients' own codes have none. */
function sentencesOf(row: unknown): string[] {
  if (typeof row === "string") return [row];
  const { message = "", hint = "", fix = "" } = row as { message?: string; hint?: string; fix?: string };
  return [message, hint, fix].filter((text) => text !== "");
}

describe.each(Object.entries(TABLES))("each sentence fits a line of 80 characters: %s", (_name, table) => {
  test.each(Object.entries(table))("%s", (_code, row) => {
    for (const sentence of sentencesOf(row)) expect(sentence.length).toBeLessThanOrEqual(80);
  });
});

/** The tables of the server, whose rows say what to do. */
const WITH_FIX = { ALL_CLOSE_CODES, DISCONNECT_CODES, ALL_LIMIT_CODES, REFUSALS, USAGE_ERRORS, SOCKETIO_ERRORS };

test.each(Object.entries(WITH_FIX))("each row says what to do: %s", (_name, table) => {
  for (const row of Object.values<{ readonly fix: string }>(table)) expect(row.fix).not.toBe("");
});

test("a refusal with 503 asks the client to come back later, and no other one does", () => {
  for (const { status, retry } of Object.values(REFUSALS)) expect(retry === "later").toBe(status === 503);
});

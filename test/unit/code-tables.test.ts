import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ENGINE_PARSER_ERRORS, SOCKET_PARSER_ERRORS } from "../../packages/parser/src/errors.ts";
import { ENGINE_ERRORS } from "../../packages/client/src/engine/errors.ts";
import { ALL_CLOSE_CODES, DISCONNECT_CODES } from "../../packages/server/src/socketio/report/close-codes.ts";
import { ALL_LIMIT_CODES, RECOVERY_LIMITS } from "../../packages/server/src/socketio/report/limit-codes.ts";
import { HANDLER_KINDS } from "../../packages/server/src/base/handler-errors.ts";
import { UPGRADE_FAILURES } from "../../packages/server/src/engine/report/stats.ts";
import { USAGE_ERRORS } from "../../packages/server/src/engine/usage-errors.ts";
import { REFUSALS } from "../../packages/server/src/engine/report/refusals.ts";
import { SOCKETIO_ERRORS } from "../../packages/server/src/socketio/report/errors.ts";
import { CONNECT_FAILURES } from "../../packages/websocket/src/client/connect-error.ts";
import { ANSWER_REFUSALS } from "../../packages/websocket/src/core/handshake/client-handshake.ts";
import { REQUEST_REFUSALS } from "../../packages/websocket/src/core/handshake/handshake.ts";
import { MISUSES } from "../../packages/websocket/src/core/usage-error.ts";
import { VIOLATIONS } from "../../packages/websocket/src/core/violations.ts";

const packages = fileURLToPath(new URL("../../packages", import.meta.url));

/** Every source file, without its comments. */
const SOURCES: ReadonlyMap<string, string> = new Map(
  ["parser", "websocket", "server", "cluster", "client"].flatMap((name) => {
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

/** Codes that are a type: no page loads a table of them. */
const codesOfType = (file: string, type: string): object => {
  const [, members = ""] = new RegExp(`type ${type} =([^;]+);`).exec(SOURCES.get(file)!) ?? [];
  return Object.fromEntries([...members.matchAll(/"(\w+)"/g)].map(([, code]) => [code!, true]));
};
const CLIENT_CODES = codesOfType("client/src/socketio/errors.ts", "ClientErrorCode");
const TRANSPORT_CODES = codesOfType("client/src/engine/transports/transport.ts", "TransportErrorCode");

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
  MISUSES,
  REQUEST_REFUSALS,
  ANSWER_REFUSALS,
  CONNECT_FAILURES,
  ENGINE_ERRORS,
  CLIENT_CODES,
  TRANSPORT_CODES,
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
  const documents: [string, readonly object[]][] = [
    ["docs/errors.md", Object.values(TABLES)],
    ["packages/client/README.md", [ENGINE_ERRORS, CLIENT_CODES, TRANSPORT_CODES]],
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

/** The sections of docs/errors.md, and their tables. Some take what to do from comments of the sources. */
const SECTIONS: Readonly<Record<string, readonly object[]>> = {
  "Why a session ended": [ALL_CLOSE_CODES, DISCONNECT_CODES],
  "Why a request was refused": [REFUSALS],
  "Why an upgrade failed": [UPGRADE_FAILURES],
  "Limits that a session survives": [ALL_LIMIT_CODES],
  "Errors of the Socket.IO layer": [SOCKETIO_ERRORS],
  "What recovery drops": [RECOVERY_LIMITS],
  "Functions of the program that fail": [HANDLER_KINDS],
  "Mistakes of the program": [USAGE_ERRORS],
  "Errors of the client": [CLIENT_CODES, ENGINE_ERRORS, TRANSPORT_CODES],
  "What the parsers refuse": [ENGINE_PARSER_ERRORS, SOCKET_PARSER_ERRORS],
  "Violations of WebSocket": [VIOLATIONS],
  "Errors of the WebSocket library": [
    MISUSES,
    { WS_ERR_INVALID_OPTION: true },
    REQUEST_REFUSALS,
    ANSWER_REFUSALS,
    CONNECT_FAILURES,
  ],
};

/** A row of a table of the page, by the heads of its columns. */
type Row = Readonly<Record<string, string>>;

const cellsOf = (line: string): string[] => line.split(/(?<!\\)\|/).map((cell) => cell.trim());

/** Returns the rows of all tables of a section of the page. */
function rowsOf(section: string): Row[] {
  let heads: string[] = [];
  const rows: Row[] = [];
  for (const line of section.split("\n").filter((line) => line.startsWith("|"))) {
    const cells = cellsOf(line);
    if (!cells[1]!.startsWith("`")) heads = cells[1]!.startsWith("-") ? heads : cells;
    else {
      const row = Object.fromEntries(heads.map((head, index) => [head, cells[index] ?? ""]));
      // refusals have a number, too
      rows.push({ ...row, code: cells[1]!.replaceAll("`", "") });
    }
  }
  return rows;
}

const page = new Map(
  read("docs/errors.md")
    .split(/^## /m)
    .map((section) => [section.split("\n", 1)[0]!, rowsOf(section)]),
);

describe.each(Object.entries(SECTIONS))("the page has the rows of the tables: %s", (title, tables) => {
  const rows = page.get(title) ?? [];

  test("all of them, and no other", () => {
    const codes = rows.map(({ code }) => code);
    expect(codes).toEqual(tables.flatMap((table) => Object.keys(table)));
  });

  test.each(rows.map((row) => [row["code"], row["what to do"] ?? ""]))("%s: %s", (_code, fix) => {
    expect(fix).toMatch(/^[a-z`].*[^.]$/);
    expect(fix.length).toBeLessThanOrEqual(80);
  });

  test("each says whether to connect again, if that is known", () => {
    for (const { "connect again?": retry = "" } of rows) expect(retry).toMatch(/^(yes|no|later|see `retry`|)$/);
  });
});

/** Ends of a session, and of an attempt to open one, without exception. */
test.each(["Why a session ended", "Why a request was refused", "Violations of WebSocket"])(
  "each row says whether to connect again: %s",
  (title) => {
    for (const row of page.get(title)!) expect(row["connect again?"]).toMatch(/^(yes|no|later)$/);
  },
);

test("a refusal with 503 asks the client to come back later, and no other one does", () => {
  for (const { status, retry } of Object.values(REFUSALS)) expect(retry === "later").toBe(status === 503);
});

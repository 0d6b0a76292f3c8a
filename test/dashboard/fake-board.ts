import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Server, type Socket } from "@portage/server";
import { CONTENT_POLICY } from "../../packages/server/src/dashboard/answers.ts";
import type { ConnectionRow, Finding, Hello, History, PageQuestion } from "../../packages/server/src/dashboard/wire.ts";
import * as data from "./fake-data.ts";

const DIST = fileURLToPath(new URL("../../packages/server/dashboard-dist", import.meta.url));

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  css: "text/css",
  svg: "image/svg+xml",
};

export interface FakeOptions {
  readonly rights: Pick<Hello, "role" | "payloads">;
  readonly findings: readonly Finding[];
  /** Rows of the connections table. */
  readonly connections: number;
  /** The password of the login page; absent: none. */
  readonly password?: string;
}

export interface FakeBoard {
  readonly url: string;
  readonly io: Server;
  /** Returns how many pages watch a view. */
  watchersOf(view: string): number;
  /** Actions that were asked for: name and target. */
  readonly actions: Array<readonly [name: string, target: unknown]>;
  setFindings(findings: readonly Finding[]): void;
  close(): Promise<void>;
}

function answerPage(request: IncomingMessage, response: ServerResponse, mayEnter: boolean): void {
  const name = new URL(request.url!, "http://localhost").pathname.replace("/dashboard/", "");
  const file = name === "" ? (mayEnter ? "index.html" : "login.html") : name;
  try {
    const content = readFileSync(join(DIST, file));
    response.writeHead(name === "" && !mayEnter ? 401 : 200, {
      "content-type": TYPES[file.split(".").at(-1)!] ?? "text/plain",
      "content-security-policy": CONTENT_POLICY, // a violation is an error on the console of the browser
      "cache-control": "no-store",
    });
    response.end(content);
  } catch {
    response.writeHead(404).end();
  }
}

function historyOf(names: readonly string[], step: "1s" | "1m"): History {
  const [size, count] = step === "1s" ? [1, 300] : [60, 1440];
  const from = Math.floor(Date.now() / 1000) - size * count;
  const line = (name: string) => Array.from({ length: count }, (_, at) => data.valueOf(name, from + at * size));
  const values = names.flatMap((name) => (step === "1s" ? line(name) : [...line(name), ...line(name), ...line(name)]));
  return { from: from * 1000, step: size * 1000, count, values: new Uint8Array(new Float32Array(values).buffer) };
}

const WORDS: Record<string, (row: ConnectionRow, value: string) => boolean> = {
  transport: (row, value) => row.transport === value,
  slow: (row) => row.slowSince !== null,
  rev: (row, value) => row.revision === Number(value),
};

function matches(row: ConnectionRow, filter: string): boolean {
  return filter.split(" ").every((word) => {
    const [key = "", value = ""] = word.split(":");
    return Object.hasOwn(WORDS, key) ? WORDS[key]!(row, value) : value !== "" || row.label.includes(word);
  });
}

function pageOf(rows: readonly ConnectionRow[], { filter, order, descending, from, count }: PageQuestion) {
  const found = filter === "" ? rows : rows.filter((row) => matches(row, filter));
  if (order === "natural") return { rows: found.slice(from, from + count), from, total: found.length, exact: true };
  const key = order as "age";
  const sign = descending ? -1 : 1;
  const sorted = [...found].sort((one, other) => sign * ((one[key] ?? 0) - (other[key] ?? 0))).slice(0, 1_000);
  return { rows: sorted.slice(from, from + count), from, total: found.length, exact: false };
}

type Done = (answer: unknown) => void;

const VIEWS: Record<string, (params: { handle?: string }, rows: readonly ConnectionRow[]) => unknown> = {
  overview: () => data.OVERVIEW,
  problems: () => data.problems(),
  ended: () => data.ENDED,
  rooms: () => data.ROOMS,
  events: () => data.EVENTS,
  cluster: () => data.nodes(),
  connection({ handle }, rows) {
    const index = rows.findIndex((row) => row.handle === handle);
    return index === -1 ? { ...data.story(0), row: null, ended: data.ENDED[0], sockets: [] } : data.story(index);
  },
};

interface Room {
  readonly options: FakeOptions;
  readonly rows: readonly ConnectionRow[];
  readonly actions: FakeBoard["actions"];
  readonly watched: Map<Socket, Set<string>>;
}

function answerQuestions(socket: Socket, { options, rows, actions, watched }: Room): void {
  socket.on("hello", (_page: unknown, done: Done) => done(data.hello(options.rights)));
  const views = new Set<string>();
  watched.set(socket, views);
  socket.on("disconnect", () => void watched.delete(socket));
  socket.on("watch", (view: string, params: { handle?: string }, done: Done) => {
    views.add(view);
    done(VIEWS[view]?.(params, rows) ?? { error: "UNKNOWN" });
  });
  socket.on("unwatch", (view: string) => void views.delete(view));
  socket.on("history", (names: string[], step: "1s" | "1m", done: Done) => done(historyOf(names, step)));
  socket.on("page", (_view: string, question: PageQuestion, done: Done) => done(pageOf(rows, question)));
  socket.on("nonce", (done: Done) => done({ nonce: `nonce ${actions.length}` }));
  socket.on("act", (name: string, target: { count?: number }, nonce: string, done: Done) => {
    if (nonce !== `nonce ${actions.length}`) return done({ error: "FORBIDDEN" });
    actions.push([name, target]);
    done({ ok: true, affected: target.count ?? 1 });
  });
  socket.on("tap", (handle: string, done: Done) => {
    done({ ok: true });
    const at = Date.now();
    const packet = {
      at,
      direction: "in",
      head: 'EVENT / 12["move"]',
      body: "{ from: string(2), to: string(2) }",
      bytes: 42,
    };
    const answer = { at, direction: "out", head: "ACK / 12", body: "[{ ok: boolean }]", bytes: 14 };
    socket.emit("packets", handle, [packet, answer], 7);
  });
}

function answerRequests(http: HttpServer, password: string | undefined): void {
  http.on("request", (request, response) => {
    const isIn = password === undefined || (request.headers.cookie ?? "").includes(`board=${password}`);
    if (request.url === "/dashboard") response.writeHead(308, { location: "/dashboard/" }).end();
    else if (request.method === "POST" && request.url === "/dashboard/login") {
      let body = "";
      request.on("data", (piece) => (body += String(piece)));
      request.on("end", () => {
        const isRight = new URLSearchParams(body).get("password") === password;
        if (isRight) response.setHeader("set-cookie", `board=${password}; HttpOnly; SameSite=Strict; Path=/`);
        response.writeHead(isRight ? 303 : 401, isRight ? { location: "./" } : {}).end();
      });
    } else if (!request.url!.startsWith("/dashboard/live")) answerPage(request, response, isIn);
  });
}

/** A server that answers the page as the door does, with made-up data. */
export async function startFakeBoard(options: FakeOptions): Promise<FakeBoard> {
  const http = createServer();
  const rows = Array.from({ length: options.connections }, (_, index) => data.connectionRow(index));
  const actions: FakeBoard["actions"] = [];
  const watched: Room["watched"] = new Map();
  let { findings } = options;
  answerRequests(http, options.password);
  const io = new Server(http, {
    path: "/dashboard/live",
    serveClient: false,
    allowRequest: (request, done) =>
      done(
        null,
        options.password === undefined || (request.headers.cookie ?? "").includes(`board=${options.password}`),
      ),
  });
  io.on("connection", (socket) => {
    answerQuestions(socket, { options, rows, actions, watched });
    socket.emit("findings", findings);
  });
  const timer = setInterval(() => io.emit("tick", data.tickAt(Date.now())), 1_000);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/dashboard/`,
    io,
    actions,
    watchersOf: (view) => [...watched.values()].filter((views) => views.has(view)).length,
    setFindings(next) {
      findings = next;
      io.emit("findings", next);
    },
    async close() {
      clearInterval(timer);
      await io.close();
    },
  };
}

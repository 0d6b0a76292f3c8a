import { mkdtempSync, mkdirSync, writeFileSync } from "node:fs";
import { request, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { io as connect, type Socket as ClientSocket } from "@portage/client";
import { Server, type ServerOptions } from "@portage/server";
import type { DashboardOptions } from "@portage/server/dashboard";
import { afterEach } from "vitest";
import { Board } from "../../../../packages/server/src/dashboard/board.ts";
import { Host } from "../../../support/servers/host.ts";
import { nextEvent } from "../../../support/waiting.ts";

/** Files as the build of the page makes them. */
const FILES: Readonly<Record<string, string>> = {
  "index.html": "<!doctype html><title>page</title>",
  "login.html": '<!doctype html><form method="post" action="login"><input type="password" name="password"></form>',
  "login-user.html": '<!doctype html><form><input name="user"><input type="password" name="password"></form>',
  "assets/app-0123abcd.js": "export const page = 1;".repeat(100),
};

/** A folder with a small page. */
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "portage-board-"));
  mkdirSync(join(folder, "assets"));
  for (const [name, text] of Object.entries(FILES)) {
    writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, `${name}.gz`), gzipSync(text));
  }
  return folder;
}

const folder = makeFolder();
const ends: (() => unknown)[] = [];

/** Calls `end` after the test. */
export function atEnd(end: () => unknown): void {
  ends.push(end);
}

afterEach(async () => {
  while (ends.length > 0) await ends.pop()?.();
});

export interface Opened {
  readonly io: Server;
  readonly host: Host;
  readonly board: Board;
}

/** A server with a live page, which ends with the test. */
export async function openBoard(
  options: DashboardOptions = {},
  serverOptions: Partial<ServerOptions> = {},
): Promise<Opened> {
  const host = new Host();
  const io = new Server(host.http, { serveClient: false, ...serverOptions });
  const board = new Board(io, options, folder);
  await host.listen();
  atEnd(async () => {
    await board.close();
    await io.close();
  });
  return { io, host, board };
}

/** A board of a server that the test attaches by itself. */
export function boardOf(io: Server, options: DashboardOptions = {}): Board {
  const board = new Board(io, options, folder);
  atEnd(() => board.close());
  return board;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The address that the request comes from. */
  readonly from?: string;
}

/** Sends one request, with exactly these headers. */
export function ask(port: number, path: string, { method, headers, body, from }: Asked = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: "127.0.0.1",
        port,
        path,
        method: method ?? "GET",
        agent: false,
        headers: { Host: `localhost:${port}`, ...headers },
        ...(from !== undefined && { localAddress: from }),
      },
      (res) => {
        let text = "";
        res.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
        res.on("end", () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text }));
      },
    );
    req.on("error", reject);
    req.end(body);
  });
}

/** Posts the login form. */
export function logIn(port: number, fields: Readonly<Record<string, string>>, more: Asked = {}): Promise<Answered> {
  return ask(port, "/dashboard/login", {
    method: "POST",
    body: new URLSearchParams(fields).toString(),
    ...more,
    headers: { "Content-Type": "application/x-www-form-urlencoded", ...more.headers },
  });
}

interface PageOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly transports?: readonly ("polling" | "websocket")[];
  readonly path?: string;
}

/** A client of the live door. It is not connected yet. */
function makePage(port: number, { headers = {}, transports = ["websocket"], path }: PageOptions = {}): ClientSocket {
  const page = connect(`http://localhost:${port}`, {
    path: path ?? "/dashboard/live",
    transports: [...transports],
    extraHeaders: headers,
    reconnection: false,
    forceNew: true,
    autoConnect: false,
  });
  atEnd(() => page.disconnect());
  return page;
}

/** Connects a page; rejects if it is refused. */
export async function openPage(port: number, options?: PageOptions): Promise<ClientSocket> {
  const page = makePage(port, options);
  page.connect();
  await Promise.race([
    nextEvent(page, "connect"),
    nextEvent<[Error]>(page, "connect_error").then(([error]) => Promise.reject(error)),
  ]);
  return page;
}

/** Whether the door lets a page in. */
export async function isLetIn(port: number, options?: PageOptions): Promise<boolean> {
  return openPage(port, options).then(
    () => true,
    () => false,
  );
}

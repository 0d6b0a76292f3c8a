import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerOptions as EngineOptions } from "engine.io";
import { describe } from "vitest";
import type { Tracer } from "../support/tracer.ts";
import { differential, differentialEngine, type EngineContext } from "./scenario.ts";

const HANDSHAKE = "/engine.io/?EIO=4&transport=polling";

describe("cookies", () => {
  const cookies: Record<string, EngineOptions["cookie"]> = {
    true: true,
    "a name": { name: "session" },
    "no path": { name: "io", path: false as unknown as string },
    "for scripts too": { name: "io", httpOnly: false },
    "all attributes": {
      name: "x-y",
      path: "/chat",
      maxAge: 60,
      sameSite: "strict",
      secure: true,
      domain: "example.org",
    },
  };
  for (const [name, cookie] of Object.entries(cookies)) {
    differentialEngine(`cookie: ${name}`, { cookie }, async (context) => {
      const client = await context.polling("A");
      await client.post("4x");
      await (await context.websocket("B")).next();
    });
  }
});

async function crossOrigin(context: EngineContext): Promise<void> {
  const headers = { origin: "http://example.org" };
  const preflight = {
    ...headers,
    "access-control-request-method": "POST",
    "access-control-request-headers": "x-custom",
  };
  await context.http({ path: HANDSHAKE, method: "OPTIONS", headers: preflight });
  const client = await context.polling("A", { headers });
  await client.post("4x");
  await context.http({ path: `${HANDSHAKE}&sid=unknown`, headers });
  await (await context.websocket("B", { headers: { Origin: headers.origin } })).next();
}

describe("cors", () => {
  const options: Record<string, EngineOptions["cors"]> = {
    "any origin": { origin: "*" },
    "this origin": { origin: "http://example.org", credentials: true },
    "another origin": { origin: ["http://example.com"] },
    reflected: {
      origin: true,
      methods: ["GET", "POST"],
      allowedHeaders: ["x-custom"],
      exposedHeaders: ["x-other"],
      maxAge: 5,
    },
    "switched off": undefined,
  };
  for (const [name, cors] of Object.entries(options)) {
    // Portage refuses WebSockets of other origins, unless the check is switched off.
    const unchecked = { cors, checkOrigin: false } as EngineOptions;
    differentialEngine(`cors: ${name}`, cors ? unchecked : {}, crossOrigin);
  }

  differentialEngine("cors: an origin outside ASCII", {}, async (context) => {
    context.watchEngine();
    await context.http({ path: HANDSHAKE, headers: { origin: "http://exämple.org" } });
  });
});

describe("headers", () => {
  differentialEngine("initial_headers and headers", { cookie: { name: "io" } }, async (context) => {
    context.engine.on("initial_headers", (headers: Record<string, string>, req: IncomingMessage) => {
      headers["x-custom-initial"] = String(req.method);
    });
    context.engine.on("headers", (headers: Record<string, string>) => {
      headers["x-custom-each"] = "yes";
    });
    const client = await context.polling("A");
    await client.post("4x");
    await (await context.websocket("B")).next();
    const upgrade = await context.websocket("C", { sid: client.sid });
    context.note("C", upgrade.headers["x-custom-initial"] ?? "none", upgrade.headers["x-custom-each"] ?? "none");
  });

  for (const agent of [
    "Mozilla/4.0 (compatible;MSIE 8.0)",
    "Mozilla/5.0 (Trident/7.0; rv:11.0)",
    "Mozilla/5.0 (X11)",
  ]) {
    differentialEngine(`user agent ${agent}`, {}, async (context) => {
      const client = await context.polling("A", { headers: { "user-agent": agent } });
      await client.post("4x");
    });
  }
});

describe("compression of answers", () => {
  const compressions: Record<string, EngineOptions["httpCompression"]> = {
    "by default": { threshold: 1024 },
    "from 10 bytes": { threshold: 10 },
    "switched off": false,
  };
  for (const [name, httpCompression] of Object.entries(compressions)) {
    for (const encodings of ["gzip, deflate", "deflate", "br", "gzip;q=0, deflate;q=0.5", "identity"]) {
      differentialEngine(`compression ${name}, accepting ${encodings}`, { httpCompression }, async (context) => {
        context.engine.on("connection", (session) => {
          session.on("message", (message: string) => session.send("x".repeat(Number(message))));
        });
        const client = await context.polling("A", { headers: { "accept-encoding": encodings } });
        for (const size of [5, 100, 1022, 1023, 5000]) {
          await client.post(`4${size}`);
          await client.next();
        }
      });
    }
  }

  differentialEngine("compression refused for one message", {}, async (context) => {
    context.engine.on("connection", (session) => {
      session.on("message", () => session.send("x".repeat(5000), { compress: false }));
    });
    const client = await context.polling("A", { headers: { "accept-encoding": "gzip" } });
    await client.post("4go");
    await client.next();
  });
});

type Next = (error?: Error) => void;

describe("engine middlewares", () => {
  differential("io.engine.use sees every request", {}, async (context) => {
    context.io.engine.use((req: IncomingMessage, res: ServerResponse, next: Next) => {
      context.note("middleware", req.method, Object.keys((Reflect.get(req, "_query") ?? {}) as object).join());
      res.setHeader("x-custom-middleware", "1");
      next();
    });
    const client = await context.polling("A");
    await client.post("40");
    await client.until((packet) => packet.startsWith("40"));
    const websocket = await context.websocket("B");
    await websocket.next();
  });

  differential("io.engine.use refuses", {}, async (context) => {
    context.watchEngine();
    context.io.engine.use((_req: IncomingMessage, _res: ServerResponse, next: Next) => next(new Error("no")));
    await context.http({ path: "/socket.io/?EIO=4&transport=polling" });
    await context.refusedWebsocket("A");
  });

  differential("io.engine.use answers itself", {}, async (context) => {
    context.watchEngine();
    context.io.engine.use((_req: IncomingMessage, res: ServerResponse) => {
      res.writeHead(401);
      res.end("who are you?");
    });
    await context.http({ path: "/socket.io/?EIO=4&transport=polling" });
  });

  differential("a middleware that takes its time", {}, async (context) => {
    context.io.engine.use((_req: IncomingMessage, _res: ServerResponse, next: Next) => setImmediate(next));
    const client = await context.polling("A");
    await client.post("40");
    await client.until((packet) => packet.startsWith("40"));
    await (await context.websocket("B")).next();
  });
});

/** Each server says the version of its own client. */
function maskVersion(tracer: Tracer, etag: string | undefined): void {
  tracer.mask(etag?.slice(1, -1) ?? "", "<version>");
}

describe("client files", () => {
  const FILES = ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"];
  for (const file of [...FILES, ...FILES.map((name) => `${name}.map`)]) {
    differential(`file ${file}`, { cors: { origin: "http://example.org" } }, async (context) => {
      for (const encoding of ["identity", "gzip", "deflate"]) {
        const reply = await context.startHttp({
          path: `/socket.io/${file}?v=1`,
          headers: { "accept-encoding": encoding },
        }).reply;
        maskVersion(context.tracer, reply.headers.etag);
        context.tracer.reply(encoding, reply);
        context.note(encoding, reply.text.includes("engine.io"));
      }
    });
  }

  differential("conditional requests for a file", {}, async (context) => {
    const path = "/socket.io/socket.io.min.js";
    const { headers } = await context.startHttp({ path }).reply;
    const etag = headers.etag ?? "none";
    maskVersion(context.tracer, etag);
    for (const condition of [etag, `W/${etag}`, '"other"', etag.slice(1, -1)]) {
      const reply = await context.startHttp({ path, headers: { "if-none-match": condition } }).reply;
      context.tracer.reply("conditional", reply);
      context.note("conditional", reply.status, reply.text.length > 0);
    }
  });

  for (const file of ["unknown.js", "../package.json", "__proto__", "socket.io.js/x", ""]) {
    differential(`no file ${file}`, {}, async (context) => {
      await context.http({ path: `/socket.io/${file}` });
    });
  }

  differential("files switched off", { serveClient: false }, async (context) => {
    await context.http({ path: "/socket.io/socket.io.js" });
  });
});

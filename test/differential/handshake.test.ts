import { describe } from "vitest";
import { differential, differentialEngine } from "./scenario.ts";

describe("handshake", () => {
  differentialEngine("handshake over polling", {}, async (context) => {
    context.watchEngine();
    await context.polling("A");
  });

  differentialEngine("handshake over websocket", {}, async (context) => {
    context.watchEngine();
    const client = await context.websocket("A");
    await client.next();
  });

  differentialEngine(
    "options show in the handshake",
    { pingInterval: 4321, pingTimeout: 1234, maxHttpBufferSize: 777 },
    async (context) => {
      await context.polling("A");
      await (await context.websocket("B")).next();
    },
  );

  differentialEngine("upgrades switched off", { allowUpgrades: false }, async (context) => {
    context.watchEngine();
    await context.polling("A");
  });

  differentialEngine("one transport only", { transports: ["websocket"] }, async (context) => {
    context.watchEngine();
    await context.http({ path: "/engine.io/?EIO=4&transport=polling" });
    await (await context.websocket("A")).next();
  });

  differentialEngine("polling alone refuses the other transport", { transports: ["polling"] }, async (context) => {
    context.watchEngine();
    await context.polling("A");
    await context.http({ path: "/engine.io/?EIO=4&transport=websocket" });
  });

  differentialEngine("initial packet", { initialPacket: "hello" }, async (context) => {
    const polling = await context.polling("A");
    await polling.next();
    const websocket = await context.websocket("B");
    await websocket.next();
    await websocket.next();
  });

  differentialEngine("sessions know their transport and revision", { allowEIO3: true }, async (context) => {
    context.watchEngine();
    await context.polling("A");
    await context.polling("B", { revision: 3 });
    await (await context.websocket("C")).next();
    await (await context.websocket("D", { revision: 3 })).next();
  });
});

describe("refusals", () => {
  for (const transport of ["", "unknown", "__proto__", "constructor", "toString", "webtransport"]) {
    differentialEngine(`transport "${transport}"`, {}, async (context) => {
      context.watchEngine();
      await context.http({ path: `/engine.io/?EIO=4&transport=${transport}` });
      await context.refusedWebsocket("A", { query: { transport } });
    });
  }

  for (const sid of ["unknown", "__proto__", "constructor"]) {
    differentialEngine(`sid "${sid}"`, {}, async (context) => {
      context.watchEngine();
      await context.http({ path: `/engine.io/?EIO=4&transport=polling&sid=${sid}` });
      await context.http({ path: `/engine.io/?EIO=4&transport=polling&sid=${sid}`, method: "POST", body: "4hello" });
      await context.refusedWebsocket("A", { sid });
    });
  }

  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"]) {
    differentialEngine(`handshake with ${method}`, {}, async (context) => {
      context.watchEngine();
      await context.http({ path: "/engine.io/?EIO=4&transport=polling", method });
    });
  }

  for (const method of ["PUT", "DELETE", "PATCH"]) {
    differentialEngine(`${method} on a session`, {}, async (context) => {
      context.watchEngine();
      const client = await context.polling("A");
      const reply = await context.startHttp({ path: client.path, method, body: "4x" }).reply;
      context.note("http", reply.status);
      await client.post("4still here");
    });
  }

  for (const EIO of ["3", "2", "5", "04", "four", ""]) {
    differentialEngine(`revision "${EIO}" without allowEIO3`, {}, async (context) => {
      context.watchEngine();
      await context.http({ path: `/engine.io/?EIO=${EIO}&transport=polling` });
    });
  }

  differentialEngine("no revision at all", {}, async (context) => {
    context.watchEngine();
    await context.http({ path: "/engine.io/?transport=polling" });
    await context.http({ path: "/engine.io/" });
  });

  differentialEngine("revision 3 over websocket without allowEIO3", {}, async (context) => {
    context.watchEngine();
    const answer = await context.websocket("A", { revision: 3 }).catch((error: unknown) => error);
    if (!(answer instanceof Error)) await (answer as { ended(): Promise<unknown> }).ended();
    await context.seen("engine", "connection_error 5");
  });

  differentialEngine("websocket transport without an upgrade", {}, async (context) => {
    context.watchEngine();
    await context.http({ path: "/engine.io/?EIO=4&transport=websocket" });
  });

  differentialEngine("the other transport without an upgrade", {}, async (context) => {
    context.watchEngine();
    const { sid } = await context.polling("A");
    await context.http({ path: `/engine.io/?EIO=4&transport=websocket&sid=${sid}` });
    const websocket = await context.websocket("B");
    const open = JSON.parse(String(await websocket.next()).slice(1)) as { sid: string };
    await context.http({ path: `/engine.io/?EIO=4&transport=polling&sid=${open.sid}` });
  });

  differentialEngine("another revision on a session", { allowEIO3: true }, async (context) => {
    context.watchEngine();
    const { sid } = await context.polling("A");
    await context.http({ path: `/engine.io/?EIO=3&transport=polling&sid=${sid}` });
    await context.refusedWebsocket("B", { revision: 3, sid });
    const old = await context.polling("C", { revision: 3 });
    await context.refusedWebsocket("D", { revision: 4, sid: old.sid });
  });

  differential("another path goes to nobody", { serveClient: false }, async (context) => {
    context.host.http.on("request", (req, res) => {
      if (!req.url?.startsWith("/socket.io/")) res.end("the application");
    });
    await context.http({ path: "/other" });
    await context.http({ path: "/socket.io" });
  });
});

type Answer = (error: string | null | undefined, isAllowed: boolean) => void;

describe("allowRequest", () => {
  const refuse = (message: string | null) => (_req: unknown, answer: Answer) => answer(message, false);

  differentialEngine("refuses with a message", { allowRequest: refuse("go away") }, async (context) => {
    context.watchEngine();
    await context.http({ path: "/engine.io/?EIO=4&transport=polling" });
    await context.refusedWebsocket("A");
  });

  differentialEngine("refuses without a message", { allowRequest: refuse(null) }, async (context) => {
    context.watchEngine();
    await context.http({ path: "/engine.io/?EIO=4&transport=polling" });
    await context.refusedWebsocket("A");
  });

  const late = (_req: unknown, answer: Answer): void => void setImmediate(() => answer(null, true));
  differentialEngine("allows later", { allowRequest: late }, async (context) => {
    context.watchEngine();
    const client = await context.polling("A");
    await client.post("4hi");
    await (await context.websocket("B")).next();
  });
});

describe("generateId", () => {
  differentialEngine("own ids", {}, async (context) => {
    let count = 0;
    context.engine.generateId = () => `own-${++count}`;
    const client = await context.polling("A");
    context.note("sid", client.sid);
  });

  differentialEngine("ids that come later, or not at all", {}, async (context) => {
    context.watchEngine();
    let isFailing = false;
    const later = (): Promise<string> => (isFailing ? Promise.reject(new Error("no id")) : Promise.resolve("later-1"));
    context.engine.generateId = later;
    const client = await context.polling("A");
    context.note("sid", client.sid);
    isFailing = true;
    await context.http({ path: "/engine.io/?EIO=4&transport=polling" });
  });
});

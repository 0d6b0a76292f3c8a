// A guest book: pages write by POST or by event, and all pages receive new entries at once.
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { Server } from "@portage/server";
import express from "express";

const LIMITS = { entries: 100, text: 200 };

const entries = [];
const app = express();
const http = createServer(app);
const io = new Server(http);

/** Stores an entry and sends it to all pages. Returns the entry, or undefined for invalid text. */
function add(text) {
  if (typeof text !== "string" || text.length === 0 || text.length > LIMITS.text) return undefined;
  const entry = { text, at: Date.now() };
  entries.push(entry);
  entries.splice(0, entries.length - LIMITS.entries);
  io.emit("entry", entry);
  return entry;
}

app.use(express.static(fileURLToPath(new URL("public", import.meta.url))));
app.use(express.json({ limit: "10kb" }));

app.get("/entries", (_req, res) => res.json(entries));

app.post("/entries", (req, res) => {
  const entry = add(req.body?.text);
  if (entry) res.status(201).json(entry);
  else res.status(400).json({ error: `A text of 1 to ${LIMITS.text} characters is needed.` });
});

io.on("connection", (socket) => {
  socket.emit("entries", entries);
  socket.on("write", (text, answer) => {
    const entry = add(text);
    if (typeof answer === "function")
      answer(entry ? { ok: true } : { ok: false, error: "The text is empty or too long." });
  });
});

http.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Guest book: http://localhost:${http.address().port}`);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  // Closes the connections, then the HTTP server, so that the process exits.
  process.once(signal, () => void io.close());
}

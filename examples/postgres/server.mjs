// A task list in PostgreSQL. The same database notifies the other servers of changes.
import { createServer } from "node:http";
import { Server } from "@portage/server";
import { createAdapter } from "@socket.io/postgres-adapter";
import { Pool } from "pg";

const LIMITS = { text: 200, entries: 100 };

const pool = new Pool({
  connectionString: process.env.POSTGRES_URL ?? "postgres://postgres@localhost:5432/postgres",
  max: 4,
});
pool.on("error", (error) => console.error("PostgreSQL:", error.message));

await prepare();

const http = createServer((_req, res) => res.writeHead(404).end());
const io = new Server(http, {
  adapter: createAdapter(pool, { errorHandler: (error) => console.error("Adapter:", error.message) }),
});

/** Creates the tables. Servers that start together wait for each other, as two concurrent `CREATE TABLE` would collide. */
async function prepare() {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock(20260101)");
    // Payloads too large for a notification (8000 bytes) go through this table.
    await client.query(`CREATE TABLE IF NOT EXISTS socket_io_attachments
      (id bigserial UNIQUE, created_at timestamptz DEFAULT now(), payload bytea)`);
    await client.query(
      "CREATE TABLE IF NOT EXISTS todo (id serial PRIMARY KEY, text text NOT NULL, done boolean DEFAULT false)",
    );
    await client.query("COMMIT");
  } finally {
    client.release();
  }
}

/** Wraps a handler, and acknowledges with its result or its failure. */
function answering(handler) {
  return async (...args) => {
    const answer = args.pop();
    if (typeof answer !== "function") return;
    try {
      answer(await handler(...args));
    } catch (error) {
      console.error(error);
      answer({ error: "That did not work." });
    }
  };
}

async function list() {
  const { rows } = await pool.query("SELECT id, text, done FROM todo ORDER BY id DESC LIMIT $1", [LIMITS.entries]);
  return { entries: rows };
}

async function add(text) {
  if (typeof text !== "string" || text.length === 0 || text.length > LIMITS.text) {
    return { error: `A text of 1 to ${LIMITS.text} characters is needed.` };
  }
  const { rows } = await pool.query("INSERT INTO todo (text) VALUES ($1) RETURNING id, text, done", [text]);
  io.emit("added", rows[0]);
  return { id: rows[0].id };
}

async function finish(id) {
  if (!Number.isInteger(id)) return { error: "The id is invalid." };
  const { rowCount } = await pool.query("UPDATE todo SET done = true WHERE id = $1 AND NOT done", [id]);
  if (rowCount === 0) return { error: "There is no open task with this id." };
  io.emit("finished", id);
  return { id };
}

io.on("connection", (socket) => {
  socket.on("list", answering(list));
  socket.on("add", answering(add));
  socket.on("finish", answering(finish));
});

http.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`To do: http://localhost:${http.address().port}`);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    // The adapter returns its connection to the pool, then the pool can end.
    await io.close();
    await pool.end();
  });
}

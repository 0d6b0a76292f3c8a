// A list of things to do, kept in PostgreSQL. The same database tells the other servers what is new.
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

/** Makes the tables. Servers that start together wait for each other here: two `CREATE TABLE` at once would collide. */
async function prepare() {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock(20260101)");
    // What does not fit into a notification (8000 bytes) travels through this table.
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

/** Wraps a handler: what it returns, or that it failed, is the acknowledgement. */
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
  if (!Number.isInteger(id)) return { error: "That is no id." };
  const { rowCount } = await pool.query("UPDATE todo SET done = true WHERE id = $1 AND NOT done", [id]);
  if (rowCount === 0) return { error: "There is no such thing left to do." };
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
    // The adapter gives its connection back to the pool, then the pool can end.
    await io.close();
    await pool.end();
  });
}

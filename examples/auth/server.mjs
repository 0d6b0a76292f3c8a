// Authentication: a session shared by Express and Socket.IO, a token for the staff, and rights per event.
import { createServer } from "node:http";
import { Server } from "@portage/server";
import express from "express";
import session from "express-session";
import { checkPassword, isStaffToken } from "./users.mjs";

/** Only Ada may send these events. */
const RESERVED_EVENTS = new Set(["admin:announce"]);

const app = express();
const http = createServer(app);
const io = new Server(http);

const sessions = session({
  secret: process.env.SESSION_SECRET ?? crypto.randomUUID(), // random: sessions end with the process
  resave: false,
  saveUninitialized: false,
  cookie: { sameSite: "lax", httpOnly: true },
});

// ---- pages ----------------------------------------------------------------------------------------------------------

app.use(sessions);
app.use(express.urlencoded({ extended: false, limit: "1kb" }));

async function logIn(req, res) {
  const { name, password } = req.body ?? {};
  if (await checkPassword(name, password)) {
    // A new id protects against session fixation.
    req.session.regenerate(() => {
      req.session.user = { name };
      res.send(`Welcome, ${name}.`);
    });
  } else res.status(401).send("Name or password is wrong.");
}

app.post("/login", (req, res, next) => void logIn(req, res).catch(next));

app.post("/logout", (req, res) => {
  const { id } = req.session;
  req.session.destroy(() => {
    // The sockets of this session, on all pages.
    io.in(`session:${id}`).disconnectSockets(true);
    res.status(204).end();
  });
});

// ---- sockets --------------------------------------------------------------------------------------------------------

// Runs for polls and WebSocket handshakes: `socket.request.session` is the session of the pages.
io.engine.use(sessions);

/** Returns an error that the client emits as `connect_error`, with `data` for the program. */
const refusal = (message, status) => Object.assign(new Error(message), { data: { status } });

/** Calls `answer`, if the client has asked for an acknowledgement. */
const reply = (answer, value) => void (typeof answer === "function" && answer(value));

io.use((socket, next) => {
  const { id, user } = socket.request.session;
  if (!user) return next(refusal("Log in first.", 401));
  socket.data.user = user;
  void socket.join([`session:${id}`, `user:${user.name}`]);
  next();
});

io.on("connection", (socket) => {
  const { user } = socket.data;
  // Rights per event: an error does not end the connection, but is emitted as "error".
  socket.use(([event], next) => {
    const isForbidden = RESERVED_EVENTS.has(event) && user.name !== "ada";
    next(isForbidden ? refusal(`${event} is not for you.`, 403) : undefined);
  });
  socket.on("error", (error) => socket.emit("refused", { message: error.message, ...error.data }));

  socket.on("whoami", (answer) => reply(answer, user.name));
  socket.on("admin:announce", (text, answer) => {
    io.emit("announcement", String(text).slice(0, 200));
    reply(answer, true);
  });
});

// The staff connects by programs without a session, with a token in the credentials.
const staff = io.of("/staff");
staff.use((socket, next) => next(isStaffToken(socket.handshake.auth.token) ? undefined : refusal("Wrong token.", 401)));
staff.on("connection", (socket) => {
  socket.on("who is there", async (answer) => {
    const sockets = await io.fetchSockets();
    reply(answer, [...new Set(sockets.map(({ data }) => data.user.name))]);
  });
});

http.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`Authentication: http://localhost:${http.address().port}`);
});

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void io.close());

import { Fetch, io, WebSocket } from "@portage/client";
import { WebTransport } from "@portage/client/webtransport";

const [transport, problem, button, time, attempts] = ["transport", "problem", "echo", "time", "attempts"].map((id) =>
  document.getElementById(id),
);

/** The browser does not know who signed the certificate: it trusts this one, by its hash. */
async function readHash() {
  const text = await (await fetch("/certificate-hash")).text();
  return { algorithm: "sha-256", value: Uint8Array.from(atob(text), (char) => char.charCodeAt(0)) };
}

const socket = io({
  transports: [Fetch, WebSocket, WebTransport],
  transportOptions: { webtransport: { serverCertificateHashes: [await readHash()] } },
});

function show() {
  transport.textContent = socket.connected ? socket.io.engine.transport.name : "nothing";
  button.disabled = !socket.connected;
  const rows = socket.io.diagnosis.attempts.map((attempt) => {
    const row = document.createElement("tr");
    for (const text of [attempt.transport, attempt.purpose, attempt.outcome]) row.insertCell().textContent = text;
    return row;
  });
  attempts.replaceChildren(...rows);
}

socket.on("connect", () => {
  problem.textContent = "";
  show();
  socket.io.engine.on("upgrade", show);
  socket.io.engine.on("upgradeError", show);
});
socket.io.on("carried", show);
socket.on("disconnect", show);
socket.on("connect_error", (error) => {
  problem.textContent = error.message;
  show();
});

button.addEventListener("click", async () => {
  const start = performance.now();
  await socket.emitWithAck("echo", start);
  time.textContent = `${(performance.now() - start).toFixed(1)} ms over ${socket.io.engine.transport.name}`;
});

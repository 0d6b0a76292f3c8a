// The chat for a page without a library: copy it, and name the events of your own server.
const log = document.querySelector("#log");
const state = document.querySelector("#state");
const source = new EventSource("/events");

function show(text) {
  const line = document.createElement("li");
  line.textContent = text;
  log.prepend(line);
  while (log.children.length > 100) log.lastChild.remove();
}

/** Calls `show` with the data of each event of that name. */
function on(name, toText) {
  source.addEventListener(name, ({ data }) => show(toText(JSON.parse(data))));
}

on("history", ({ messages }) => `${messages.length} earlier messages`);
on("message", ({ name, text }) => `${name}: ${text || "(a picture)"}`);
on("members", ({ room, names }) => `boats in ${room}: ${names.join(", ") || "none"}`);
on("announcement", ({ text }) => `announcement: ${text}`);

// The server's own events. Between two connections EventSource itself waits, returns, and asks for what it has missed.
source.addEventListener("connect", () => (state.textContent = "Connected."));
source.addEventListener("refused", ({ data }) => (state.textContent = `Refused: ${JSON.parse(data).message}`));
source.onerror = () =>
  (state.textContent = source.readyState === 2 ? "The server refuses this page." : "Reconnecting.");

document.querySelector("#curl").textContent = `curl -N ${location.origin}/events`;

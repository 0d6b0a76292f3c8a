// The chat for a page without a library: copy it, and name the events of your own server.
const log = document.querySelector("#log");
const state = document.querySelector("#state");
let lastId = "";

/** What the page shows of each event. */
const TEXTS = {
  history: ({ messages }) => `${messages.length} earlier messages`,
  message: ({ name, text }) => `${name}: ${text || "(a picture)"}`,
  members: ({ room, names }) => `boats in ${room}: ${names.join(", ") || "none"}`,
  announcement: ({ text }) => `announcement: ${text}`,
};

function show(text) {
  const line = document.createElement("li");
  line.textContent = text;
  log.prepend(line);
  while (log.children.length > 100) log.lastChild.remove();
}

/** Reads the events after those that have come. Between two connections EventSource itself waits, and returns. */
function open() {
  const source = new EventSource(`/events?last_event_id=${encodeURIComponent(lastId)}`);
  const on = (name, take) =>
    source.addEventListener(name, ({ data, lastEventId }) => {
      lastId = lastEventId || lastId;
      take(JSON.parse(data));
    });
  for (const [name, toText] of Object.entries(TEXTS)) on(name, (data) => show(toText(data)));
  // The server's own events.
  on("connect", () => (state.textContent = "Connected."));
  on("refused", ({ message }) => (state.textContent = `Refused: ${message}`));
  source.onerror = () => {
    state.textContent = "Reconnecting.";
    // The browser has given up: a proxy has answered 502, say. Not all pages open another one at the same time.
    if (source.readyState === EventSource.CLOSED) setTimeout(open, 2000 + Math.random() * 2000);
  };
}

open();

document.querySelector("#curl").textContent = `curl -N ${location.origin}/events`;

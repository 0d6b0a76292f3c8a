/* global io */
const socket = io();
const [form, text, list, problem] = ["form", "text", "entries", "problem"].map((id) => document.getElementById(id));

function show(entry) {
  const item = document.createElement("li");
  item.textContent = entry.text;
  list.prepend(item);
}

socket.on("entries", (entries) => {
  list.replaceChildren();
  entries.forEach(show);
});
socket.on("entry", show);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await socket.emitWithAck("write", text.value);
  problem.textContent = answer.ok ? "" : answer.error;
  if (answer.ok) text.value = "";
});

/*
 * Sends the form of the login page, and says what came of it.
 * Knows: the answers of the door.
 * Must not know: how a session is kept.
 */
const form = document.querySelector("form")!;
const result = document.querySelector<HTMLElement>("[role=alert]")!;
const password = form.querySelector<HTMLInputElement>("[name=password]")!;

/** Returns the sentence for an answer; undefined once the viewer is in. */
function sentenceOf(answer: Response): string | undefined {
  if (answer.type === "opaqueredirect" || answer.ok) return undefined;
  if (answer.status === 401) return "That is not right. Try again.";
  if (answer.status !== 429) return `The server answered ${answer.status}. Try again later.`;
  const wait = answer.headers.get("retry-after");
  return wait === null ? "Too many tries. Wait a minute." : `Too many tries. Wait ${wait} seconds.`;
}

async function signIn(): Promise<void> {
  result.textContent = "";
  const fields = [...new FormData(form)].map(([name, value]) => [name, typeof value === "string" ? value : ""]);
  const body = new URLSearchParams(fields);
  try {
    const said = sentenceOf(await fetch(form.action, { method: "POST", body, redirect: "manual" }));
    if (said === undefined) return location.reload();
    result.textContent = said;
  } catch {
    result.textContent = "The server does not answer.";
  }
  password.select();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void signIn();
});

/*
 * Starts the page.
 * Knows: where it is drawn.
 * Must not know: components.
 */
import { render } from "preact";
import { App } from "./app.tsx";
import { Live } from "./live.ts";
import { LiveContext } from "./page.tsx";

render(
  <LiveContext.Provider value={new Live()}>
    <App />
  </LiveContext.Provider>,
  document.getElementById("page")!,
);

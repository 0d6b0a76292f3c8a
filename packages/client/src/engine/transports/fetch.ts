import { fetchWithCookies } from "../globals.node.ts";
import { type Abort, type OnEnd, Polling } from "./polling.ts";

const DONE = 4;

/** HTTP long-polling by `fetch`, with the error messages of XMLHttpRequest: what polling is in browsers. */
export class FetchPolling extends Polling {
  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    const controller = new AbortController();
    const { extraHeaders, withCredentials } = this.opts;
    fetchWithCookies(
      this.uri(),
      {
        // a body that is a string is `text/plain;charset=UTF-8`
        method: body ? "POST" : "GET",
        signal: controller.signal,
        headers: extraHeaders!,
        credentials: withCredentials ? "include" : "same-origin",
        body: body!,
      },
      this.socket,
    )
      .then(async (response) => [response, await (response.ok ? response : response.clone()).text()] as const)
      .then(
        ([response, responseText]) => {
          if (response.ok) onEnd(responseText);
          else onEnd(undefined, response.status, Object.assign(response, { responseText, readyState: DONE }));
        },
        (error: unknown) => onEnd(undefined, 0, { readyState: DONE, status: 0, responseText: "", error }),
      );
    return () => controller.abort();
  }
}

/** HTTP long-polling by `fetch`, with messages that say so. */
export class Fetch extends FetchPolling {
  protected override readError = "fetch read error";
  protected override writeError = "fetch write error";
}

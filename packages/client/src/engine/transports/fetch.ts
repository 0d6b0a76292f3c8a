import { fetchWithCookies } from "../globals.node.ts";
import { type Abort, type OnEnd, Polling } from "./polling.ts";
import { requestByXhr } from "./xhr-request.ts";

const DONE = 4;

/**
 * HTTP long-polling by `fetch`, with the error messages of XMLHttpRequest: what polling is in browsers. XMLHttpRequest
 * itself serves where there is no `fetch`, or a pretended one: under test frameworks, for example.
 */
export class FetchPolling extends Polling {
  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    const { extraHeaders, withCredentials } = this.opts;
    const uri = this.uri();
    const useXhr = (): Abort => (abort = requestByXhr({ ...this.opts, uri, body }, onEnd));
    let abort: Abort;
    try {
      const controller = new AbortController();
      if (!controller.signal) return useXhr();
      abort = () => controller.abort();
      const init = {
        // a body that is a string is `text/plain;charset=UTF-8`
        method: body ? "POST" : "GET",
        signal: controller.signal,
        headers: extraHeaders!,
        credentials: withCredentials ? "include" : "same-origin",
        body: body!,
      } as const;
      fetchWithCookies(uri, init, this.socket)
        .then(async (response) => {
          if (typeof response?.text !== "function") return void useXhr();
          const responseText = await (response.ok ? response : response.clone()).text();
          return () => {
            if (response.ok) onEnd(responseText);
            else onEnd(undefined, response.status, Object.assign(response, { responseText, readyState: DONE }));
          };
        })
        .then(
          (report) => report?.(),
          (error: unknown) => onEnd(undefined, 0, { readyState: DONE, status: 0, responseText: "", error }),
        );
    } catch {
      useXhr();
    }
    return () => abort();
  }
}

/** HTTP long-polling by `fetch`, with messages that say so. */
export class Fetch extends FetchPolling {
  protected override readError = "fetch read error";
  protected override writeError = "fetch write error";
}

import { fetchWithCookies } from "../platform/globals.node.ts";
import { type Abort, DONE, noAnswer, type OnEnd } from "./polling.ts";
import { XHR } from "./xhr.ts";

/**
 * HTTP long-polling by `fetch`, with the error messages of XMLHttpRequest: what polling is in browsers. XMLHttpRequest
 * itself serves where there is no `fetch`, or a pretended one: under test frameworks, for example.
 */
export class FetchPolling extends XHR {
  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    const { extraHeaders, withCredentials } = this.opts;
    let abort: Abort;
    const useXhr = (): Abort => (abort = super.request(body, onEnd));
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
      fetchWithCookies(this.uri(), init, this.socket)
        .then(async (response) => {
          if (!response?.text) {
            useXhr();
            return;
          }
          const responseText = await (response.ok ? response : response.clone()).text();
          if (response.ok) onEnd(responseText);
          else onEnd(undefined, response.status, Object.assign(response, { responseText, readyState: DONE }));
        })
        .catch((error: unknown) => onEnd(undefined, 0, noAnswer(error)));
    } catch {
      useXhr();
    }
    return () => abort();
  }
}

/** HTTP long-polling by `fetch`, with messages that say so. */
export class Fetch extends FetchPolling {
  protected override readError_ = "fetch read error";
  protected override writeError_ = "fetch write error";
}

import { fetchWithCookies } from "../platform/globals.node.ts";
import { type Abort, DONE, noAnswer, type OnEnd, Polling } from "./polling.ts";
import { XHR } from "./xhr.ts";

/** Makes one request by `fetch`. Throws on platforms without it. */
function requestByFetch(polling: Polling, body: string | undefined, onEnd: OnEnd): Abort {
  const { extraHeaders, withCredentials } = polling["opts"];
  const controller = new AbortController();
  const init = {
    // for strings, `fetch` sets the type `text/plain;charset=UTF-8`
    method: body ? "POST" : "GET",
    signal: controller.signal,
    headers: extraHeaders!,
    credentials: withCredentials ? "include" : "same-origin",
    body: body!,
  } as const;
  fetchWithCookies(polling["uri"](), init, polling["socket"])
    .then(async (response) => {
      const responseText = await (response.ok ? response : response.clone()).text();
      if (response.ok) onEnd(responseText);
      else onEnd(undefined, response.status, Object.assign(response, { responseText, readyState: DONE }));
    })
    .catch((error: unknown) => onEnd(undefined, 0, noAnswer(error)));
  return () => controller.abort();
}

/** HTTP long-polling in browsers: by XMLHttpRequest, or by `fetch` where that is missing, as in service workers. */
export class BrowserPolling extends XHR {
  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    try {
      return super.request(body, onEnd);
    } catch {
      return requestByFetch(this, body, onEnd);
    }
  }
}

/** HTTP long-polling by `fetch`, with its own error messages. */
export class Fetch extends Polling {
  protected override readError_ = "fetch read error";
  protected override writeError_ = "fetch write error";

  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    return requestByFetch(this, body, onEnd);
  }
}

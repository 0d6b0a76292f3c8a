import { type Abort, type OnFailure, Polling } from "./polling.ts";

/** HTTP long-polling by `fetch`, with the error messages of XMLHttpRequest: what polling is where there is `fetch`. */
export class FetchPolling extends Polling {
  protected override request(body: string | undefined, onText: (text: string) => void, onFailure: OnFailure): Abort {
    const controller = new AbortController();
    fetch(this.uri(), {
      ...(body && { method: "POST", body }),
      headers: this.headers(body),
      credentials: this.opts.withCredentials ? "include" : "same-origin",
      signal: controller.signal,
    })
      .then(async (response) => {
        this.onResponse(response);
        return [response, await (response.ok ? response : response.clone()).text()] as const;
      })
      .then(
        ([response, responseText]) => {
          if (response.ok) onText(responseText);
          else onFailure(response.status, Object.assign(response, { responseText, readyState: 4 }));
        },
        (error: unknown) => onFailure(error),
      );
    return () => controller.abort();
  }

  protected headers(body: string | undefined): Record<string, string> {
    return { ...this.opts.extraHeaders, ...(body && { "content-type": "text/plain;charset=UTF-8" }) };
  }

  protected onResponse(_response: Response): void {}
}

/** HTTP long-polling by `fetch`, with messages that say so, and cookies kept in Node.js. */
export class Fetch extends FetchPolling {
  protected override readError = "fetch read error";
  protected override writeError = "fetch write error";

  protected override headers(body: string | undefined): Record<string, string> {
    const cookie = this.socket._cookieJar?.header;
    return { ...super.headers(body), ...(cookie && { cookie }) };
  }

  protected override onResponse(response: Response): void {
    this.socket._cookieJar?.parseCookies(response.headers.getSetCookie());
  }
}

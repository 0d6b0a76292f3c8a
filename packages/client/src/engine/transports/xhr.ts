import { type Abort, DONE, type OnEnd, Polling } from "./polling.ts";

/** HTTP long-polling by XMLHttpRequest. `request` throws on platforms without it. */
export class XHR extends Polling {
  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    const { extraHeaders, withCredentials } = this.opts;
    const xhr = new XMLHttpRequest();
    xhr.open(body ? "POST" : "GET", this.uri(), true);
    for (const [name, value] of Object.entries(extraHeaders ?? {})) xhr.setRequestHeader(name, value);
    if (body) xhr.setRequestHeader("Content-type", "text/plain;charset=UTF-8");
    xhr.withCredentials = !!withCredentials;
    xhr.onreadystatechange = () => {
      if (xhr.readyState !== DONE) return;
      if (xhr.status === 200) onEnd(xhr.responseText);
      else onEnd(undefined, xhr.status, xhr);
    };
    xhr.send(body ?? null);
    return () => xhr.abort();
  }
}

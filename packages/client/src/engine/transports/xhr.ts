import { type Abort, type OnEnd, Polling } from "./polling.ts";

const DONE = 4;

/** HTTP long-polling by XMLHttpRequest, for platforms whose `fetch` does not serve. */
export class XHR extends Polling {
  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    const xhr = new XMLHttpRequest();
    xhr.open(body ? "POST" : "GET", this.uri(), true);
    for (const [name, value] of Object.entries(this.opts.extraHeaders ?? {})) xhr.setRequestHeader(name, value);
    if (body) xhr.setRequestHeader("Content-type", "text/plain;charset=UTF-8");
    xhr.withCredentials = this.opts.withCredentials ?? false;
    xhr.onreadystatechange = () => {
      if (xhr.readyState !== DONE) return;
      if (xhr.status === 200) onEnd(xhr.responseText);
      else onEnd(undefined, xhr.status, xhr);
    };
    xhr.send(body ?? null);
    return () => xhr.abort();
  }
}

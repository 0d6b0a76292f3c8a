import { type Abort, DONE, type OnEnd, Polling } from "./polling.ts";

/** HTTP long-polling by XMLHttpRequest. `request` throws on platforms without it. */
export class XHR extends Polling {
  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    const { extraHeaders, withCredentials } = this.opts;
    const xhr = new XMLHttpRequest();
    const stream = this.stream_(body);
    xhr.open(body ? "POST" : "GET", this.uri(stream), true);
    for (const [name, value] of Object.entries(extraHeaders ?? {})) xhr.setRequestHeader(name, value);
    if (body) xhr.setRequestHeader("Content-type", "text/plain;charset=UTF-8");
    xhr.withCredentials = !!withCredentials;
    if (stream) xhr.setRequestHeader("Accept", "text/event-stream");
    let taken = 0;
    xhr.onreadystatechange = () => {
      if (stream && xhr.status === 200) {
        const chunk = xhr.responseText.slice(taken);
        taken += chunk.length;
        stream.take_(chunk);
      }
      if (xhr.readyState !== DONE) return;
      if (xhr.status === 200) onEnd(xhr.responseText);
      else onEnd(undefined, xhr.status, xhr);
    };
    xhr.send(body ?? null);
    return () => xhr.abort();
  }
}

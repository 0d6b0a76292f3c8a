import type { Abort, OnEnd } from "./polling.ts";
import type { SocketOptions } from "../options.ts";

const DONE = 4;

/** Where a request goes, and what is sent. */
interface XhrRequest extends Pick<SocketOptions, "extraHeaders" | "withCredentials"> {
  uri: string;
  body: string | undefined;
}

/** Makes a request by XMLHttpRequest. Throws where there is none. */
export function requestByXhr({ uri, body, extraHeaders, withCredentials }: XhrRequest, onEnd: OnEnd): Abort {
  const xhr = new XMLHttpRequest();
  xhr.open(body ? "POST" : "GET", uri, true);
  for (const [name, value] of Object.entries(extraHeaders ?? {})) xhr.setRequestHeader(name, value);
  if (body) xhr.setRequestHeader("Content-type", "text/plain;charset=UTF-8");
  xhr.withCredentials = withCredentials ?? false;
  xhr.onreadystatechange = () => {
    if (xhr.readyState !== DONE) return;
    if (xhr.status === 200) onEnd(xhr.responseText);
    else onEnd(undefined, xhr.status, xhr);
  };
  xhr.send(body ?? null);
  return () => xhr.abort();
}

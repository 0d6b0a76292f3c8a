import { type Abort, type OnEnd, Polling } from "./polling.ts";
import { requestByXhr } from "./xhr-request.ts";

/** HTTP long-polling by XMLHttpRequest, for platforms whose `fetch` does not serve. */
export class XHR extends Polling {
  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    return requestByXhr({ ...this.opts, uri: this.uri(), body }, onEnd);
  }
}

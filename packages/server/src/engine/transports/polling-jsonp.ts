import type { OutgoingHttpHeaders } from "node:http";
import { parse } from "node:querystring";
import type { RawData } from "@portage/parser/engine";
import type { TransportRequest } from "../http/request.ts";
import type { TransportContext } from "./context.ts";
import type { PayloadReceiver } from "./payload-delivery.ts";
import { PollingTransport } from "./polling.ts";

// Private members. Symbols, not `#private`, so that proxies and `Object.create()` work.
const kHead = Symbol("head");

/** U+2028 and U+2029 end a line in scripts, but not in JSON. */
const LINE_ENDS = /[\u2028\u2029]/g;
/** The client's form escapes each line feed as `\n`, and each `\n` as `\\n`. */
const ESCAPED_LINE_FEED = /(\\)?\\n/g;

/** Long-polling through script tags and forms, for browsers without CORS. Responses are `___eio[j]("...");`. */
export class JsonpTransport extends PollingTransport {
  private readonly [kHead]: string;

  constructor(req: TransportRequest, context: TransportContext) {
    super(req, context);
    this[kHead] = `___eio[${(req._query["j"] ?? "").replaceAll(/[^0-9]/g, "")}](`;
  }

  /** A script runs once it is complete. */
  protected override get canStream(): boolean {
    return false;
  }

  protected override get textType(): string {
    return "text/javascript; charset=UTF-8";
  }

  /** Forbids browsers to interpret the response as anything but a script. */
  protected override addTypeOptions(headers: OutgoingHttpHeaders): void {
    headers["X-Content-Type-Options"] = "nosniff";
  }

  protected override formatBody(payload: string): string {
    const literal = JSON.stringify(payload).replaceAll(LINE_ENDS, (char) =>
      char === "\u2028" ? "\\u2028" : "\\u2029",
    );
    return `${this[kHead]}${literal});`;
  }

  protected override onPayload(body: RawData, receiver: PayloadReceiver): void {
    const { d } = parse(body.toString());
    if (typeof d !== "string") return super.onPayload("", receiver);
    const unescaped = d.replaceAll(ESCAPED_LINE_FEED, (match, slash: string | undefined) =>
      slash ? match.slice(1) : "\n",
    );
    super.onPayload(unescaped, receiver);
  }
}

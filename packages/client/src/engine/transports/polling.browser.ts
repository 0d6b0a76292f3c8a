/*
 * Replaces `polling.node.ts` everywhere but in Node.js.
 */
export { BrowserPolling as DefaultPolling } from "./fetch.ts";
export { XHR as NodeXHR } from "./xhr.ts";

/*
 * Takes the place of `polling.node.ts` everywhere but in Node.js.
 */
export { FetchPolling as DefaultPolling } from "./fetch.ts";
export { XHR as NodeXHR } from "./xhr.ts";

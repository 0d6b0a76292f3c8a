// In place of xhr.ts: the class of polling that is there anyway.
export { FetchPolling as XHR } from "../src/engine/transports/fetch.ts";

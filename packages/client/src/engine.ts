/*
 * @portage/client/engine: the Engine.IO client alone, for programs written for engine.io-client.
 */
export * from "./engine/index.ts";

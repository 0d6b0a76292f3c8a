/* Preamble for examples in the base of the server. */
import type { Server } from "@portage/server";
import type { Notices } from "../../../packages/server/dist/base/notices.js";

export declare const io: Server;
export declare const logger: { error(fields: object): void };
export declare const notices: Notices;
export declare const name: string;
export declare function quote(text: string): string;

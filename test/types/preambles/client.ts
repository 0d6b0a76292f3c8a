/* Preamble for examples of the client. */
import type { Manager, Socket } from "@portage/client";

export { io } from "@portage/client";

export declare const socket: Socket;
export declare const manager: Manager;
/** Of React Native. */
export declare const AppState: {
  addEventListener(type: "change", listener: (state: "active" | "background") => void): { remove(): void };
};
/** Of the program: where it keeps its token. */
export declare const readToken: () => Promise<string>;

// In place of the engine's transports and upgrade, where there is WebSocket alone.
import { WS } from "../src/engine/transports/websocket.ts";

export const transports = { websocket: WS };
export class UpgradeError extends Error {}
export class Upgrade {
  phase = "idle";
  start() {}
  sessionClosed() {}
}

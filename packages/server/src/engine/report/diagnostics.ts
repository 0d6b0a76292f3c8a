import { type Channel, channel } from "node:diagnostics_channel";

/**
 * What is published by `node:diagnostics_channel`, for those who subscribe:
 *
 * - `portage.session.open`: `{ session }`
 * - `portage.session.close`: `{ session, reason }`, a CloseReason
 * - `portage.refusal`: `{ req, name, code, context }`
 * - `portage.limit`: `{ session, code, limit, actual }`
 * - `portage.upgrade.failed`: `{ session, step }`
 */
export const CHANNELS: Readonly<Record<"opened" | "closed" | "refusal" | "limit" | "upgradeFailed", Channel>> = {
  opened: channel("portage.session.open"),
  closed: channel("portage.session.close"),
  refusal: channel("portage.refusal"),
  limit: channel("portage.limit"),
  upgradeFailed: channel("portage.upgrade.failed"),
};

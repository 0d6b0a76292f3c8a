// Events of the sender's page. It has its own namespace, and sends to the pages in the main one.
import { channelOf } from "./rooms.mjs";
import { answer, LIMITS, readRecord, readRoomName, readText, Refusal } from "./validation.mjs";

/** Time limit for a page to confirm an announcement, in milliseconds. */
const RECEIPT_TIME = 5000;
/** Receipts within this time are sent to the sender's page together, in milliseconds. */
const REPORT_INTERVAL = 50;

const describe = ({ id, data: { name, rooms, transport } }) => ({ id, name, rooms, transport });

/** Returns the recipients of an announcement, as a broadcast operator. */
async function audienceOf(pages, { to, room, page }) {
  if (to === "all") return pages;
  if (to === "room") return pages.in(channelOf(readRoomName(room)));
  if (to !== "except") throw new Refusal("Choose who the announcement is for.");
  if (typeof page !== "string" || (await pages.in(page).fetchSockets()).length === 0)
    throw new Refusal("The page to leave out is gone. Choose another one.");
  return pages.except(page);
}

/** Follows one announcement: sends it, times the receipt of each page, and reports to the sender. */
class Announcement {
  #sender;
  #number;
  #start = performance.now();
  #open;
  #receipts = [];

  constructor(sender, number, pages) {
    this.#sender = sender;
    this.#number = number;
    this.#open = pages.length;
  }

  /** Asks each page separately, so that each receipt has its own time. */
  async send(page, text) {
    const { id } = page;
    const { name } = page.data;
    try {
      await page.timeout(RECEIPT_TIME).emitWithAck("announcement", { number: this.#number, text });
      this.#receipts.push({ id, name, ms: performance.now() - this.#start });
    } catch {
      this.#receipts.push({ id, name });
    }
    this.#open -= 1;
    if (this.#receipts.length === 1) setTimeout(() => this.#report(), this.#open === 0 ? 0 : REPORT_INTERVAL);
  }

  #report() {
    this.#sender.emit("receipts", { number: this.#number, receipts: this.#receipts });
    this.#receipts = [];
  }
}

/** Opens the namespace of the sender's pages. Call the returned function when a user's page came, left or changed. */
export function openBroadcast(io) {
  const pages = io.of("/");
  const senders = io.of("/broadcast");
  let count = 0;
  let isScheduled = false;

  /** The pages of all workers. */
  const fleet = async () => (await pages.fetchSockets()).filter((page) => page.data.rooms).map(describe);

  async function report() {
    const list = await fleet().catch(() => undefined);
    // Each worker reports to its own pages, once it has heard of a change.
    if (list) senders.local.emit("pages", { pages: list, limits: LIMITS });
  }

  senders.on("connection", (sender) => {
    void report();
    answer(sender, "echo", () => {});
    answer(sender, "announce", async (request) => {
      const text = readText(readRecord(request).text, "announcement", LIMITS.text);
      const audience = await (await audienceOf(pages, request)).fetchSockets();
      // Pages without a library have no data, and can't confirm.
      const targets = audience.filter((page) => page.data.rooms);
      count += 1;
      const announcement = new Announcement(sender, count, targets);
      for (const page of targets) void announcement.send(page, text);
      for (const page of audience) if (!page.data.rooms) page.emit("announcement", { number: count, text });
      return { number: count, of: targets.length };
    });
  });

  return () => {
    if (isScheduled) return;
    isScheduled = true;
    // Once per tick: a page that enters five rooms is one change.
    setImmediate(() => {
      isScheduled = false;
      if (senders.sockets.size > 0) void report();
    });
  };
}

// Run by departure.test.ts: drains and closes on SIGTERM, and has to end by itself.
import { createServer } from "node:http";
import { Server } from "@portage/server";

const http = createServer();
const io = new Server(http);
http.listen(0, "127.0.0.1", () => process.stdout.write(`${http.address().port}\n`));
process.once("SIGTERM", async () => {
  await io.drain({ deadline: 300 });
  await io.close();
});

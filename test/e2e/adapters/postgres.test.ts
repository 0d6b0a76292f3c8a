import { createAdapter } from "@socket.io/postgres-adapter";
import { Pool } from "pg";
import { afterAll, beforeAll, describe } from "vitest";
import { type Bus } from "../../support/servers/cluster.ts";
import { startPostgres } from "../../support/servers/postgres.ts";
import { portage, reference } from "../../support/targets.ts";
import { clusterBehaviour } from "./behaviour.ts";

const server = await startPostgres();
const connect = (): Pool => new Pool({ connectionString: server?.url, max: 3 });
afterAll(() => server?.stop());

const postgres: Bus = {
  adapter() {
    const pool = connect();
    // The first heartbeat may be sent before the other server listens: the second one follows soon.
    const adapter = createAdapter(pool, { heartbeatInterval: 50 }) as never;
    return Promise.resolve({ adapter, end: () => pool.end() });
  },
};

describe.skipIf(server === undefined)("with PostgreSQL", () => {
  beforeAll(async () => {
    const pool = connect();
    await pool.query(
      "CREATE TABLE IF NOT EXISTS socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)",
    );
    await pool.end();
  });

  describe.each([
    ["postgres-adapter", portage, portage],
    ["postgres-adapter in a mixed cluster, asking from Portage", portage, reference],
    ["postgres-adapter in a mixed cluster, asking from the reference", reference, portage],
  ] as const)("%s", (_name, one, two) => clusterBehaviour(() => postgres, [one, two]));
});

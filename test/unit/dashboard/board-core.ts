import type { Server } from "@portage/server";
import { kEngineClock } from "../../../packages/server/src/engine/index.ts";
import { OtherNodes } from "../../../packages/server/src/dashboard/nodes.ts";
import type { BoardCore } from "../../../packages/server/src/dashboard/part.ts";
import { SessionIds } from "../../../packages/server/src/dashboard/session-ids.ts";
import type { Finding } from "../../../packages/server/src/dashboard/wire.ts";
import type { FakeClock } from "../support/fake-clock.ts";

/** A board without pages: the test turns its seconds, and reads the shown findings. */
export class FakeCore {
  readonly core: BoardCore;
  readonly shown: string[] = [];
  readonly #everySecond: Array<(now: number) => void> = [];
  readonly #clock: FakeClock;

  constructor(io: Server, label?: (socket: { data: unknown }) => string) {
    this.#clock = io[kEngineClock] as unknown as FakeClock;
    const options = { path: "/dashboard", role: "view", payloads: "shape", gauges: {}, label } as never;
    this.core = {
      io,
      clock: this.#clock,
      options,
      handles: {
        of: (id) => `handle of ${id}`,
        hash: (id) => `handle of ${id}`,
        idOf: (handle) => handle.replace("handle of ", ""),
      },
      nodes: new OtherNodes(io),
      sessionIds: new SessionIds(io, (session) => this.core.isOurs(session)),
      isOurs: ({ server }) => server === io.engine,
      labelOf: (socket) => label?.(socket) ?? "",
      addressOf: (address) => address,
      ratesOf: () => ({ in: 0, out: 0 }),
      provideRates: (ratesOf) => void Object.assign(this.core, { ratesOf }),
      showTick: () => undefined,
      everySecond: (fn) => this.#everySecond.push(fn),
      findings: [],
      showFindingsOfOthers: () => undefined,
      takeQuestion: () => undefined,
      isWatched: () => false,
      showFindings: (findings) => void this.shown.splice(0, Infinity, ...findings.map(name)),
      hasViewers: () => false,
    };
  }

  /** Lets seconds pass, each with some load. */
  async pass(seconds: number, load: (second: number) => void | Promise<void> = () => undefined): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      await load(second);
      this.#clock.advance(1000);
      for (const fn of this.#everySecond) fn(this.#clock.now());
    }
  }
}

const name = ({ code, subject }: Finding): string => `${code}: ${subject}`;

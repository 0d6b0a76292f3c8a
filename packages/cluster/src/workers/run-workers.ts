/*
 * A program on all cores: a primary that starts workers, and passes WebSockets between them.
 * Knows: node:cluster, signals, and what start() returns. The nodes of a process register here.
 * Must not know: links, exchanges, adapters, and what a session is.
 *
 * The primary does nothing for a message or a request. It accepts connections for node:cluster, and passes the socket of a
 * WebSocket handshake that reached another worker than the owner of its session.
 */
import cluster, { type Worker } from "node:cluster";
import { constants } from "node:os";
import { MessageChannel } from "node:worker_threads";
import { serverClock } from "@portage/server/relay";
import type { Forker } from "./child.ts";
import type { Started } from "./leaving.ts";
import { readMessage, writeMessage } from "./messages.ts";
import { resolveWorkersOptions, type WorkersOptions } from "./options.ts";
import { setupPrimary } from "./setup-primary.ts";
import { Supervisor } from "./supervisor.ts";
import { WorkerProcess } from "./worker-process.ts";
import type { Workers } from "./workers.ts";

/**
 * Runs a server in one process for each core. In the primary, starts the workers, which run the same program; in a worker,
 * calls `start()`. Code beside `runWorkers()` runs in all of them.
 *
 * A worker that ends is restarted. SIGTERM and SIGINT end the program: all workers drain, close and exit; a second signal ends
 * it at once. SIGHUP replaces the workers one by one without a gap, for example after an update of the program.
 *
 * @param start starts the servers of a worker, which have to listen; returns the servers that a leaving worker drains and closes
 * @throws WorkersError `OPTION_INVALID`
 * @example
 * runWorkers(() => new Server(3000, { cluster: localCluster() }));
 */
export function runWorkers(start: () => Started | PromiseLike<Started>, options?: WorkersOptions): Workers {
  const resolved = resolveWorkersOptions(options);
  return cluster.worker ? runWorker(cluster.worker, start, resolved) : runPrimary(resolved);
}

type EndSignal = "SIGTERM" | "SIGINT";

const exitCodeOf = (signal: EndSignal): number => 128 + constants.signals[signal];

const END_SIGNALS = ["SIGTERM", "SIGINT"] as const satisfies readonly EndSignal[];

/** Calls `first` for the first of these signals, and `again` for each later one. */
function onSignals(signals: readonly EndSignal[], first: () => void, again: (signal: EndSignal) => void): void {
  let handle = (_signal: EndSignal): void => {
    handle = again;
    first();
  };
  for (const signal of signals) process.on(signal, () => handle(signal));
}

/** Calls `fn` for SIGHUP. Windows sends it when the console is closed, and ends the process afterwards. */
function onHangUp(fn: () => void): void {
  if (process.platform !== "win32") process.on("SIGHUP", fn);
}

/** Throws outside of any caller, as an error that no one caught: it is printed, and ends the process. */
const throwUncaught = (error: unknown): void =>
  queueMicrotask(() => {
    throw error;
  });

function runPrimary(options: Required<WorkersOptions>): Workers {
  setupPrimary();
  const supervisor = new Supervisor({ clock: serverClock, fork: forkWorker, keepAlive, fail: throwUncaught }, options);
  onSignals(
    END_SIGNALS,
    () => void supervisor.stop().then(() => process.exit(supervisor.unclean === 0 ? 0 : 1)),
    (signal) => {
      supervisor.kill();
      process.exit(exitCodeOf(signal));
    },
  );
  // Its failure is an event.
  onHangUp(() => void supervisor.roll().catch(() => {}));
  return supervisor;
}

/** Timers of the clock do not keep the process alive; a port does, until it is closed. */
function keepAlive(): () => void {
  const { port1 } = new MessageChannel();
  port1.ref();
  return () => port1.close();
}

const forkWorker: Forker = (observer) => {
  const worker = cluster.fork();
  let canHear = false;
  worker.on("listening", () => observer.onStep("listening"));
  worker.on("message", (message: unknown) => {
    const name = readMessage(message)?.name;
    if (name === "began") canHear = true;
    else if (name === "ready") observer.onStep("ready");
  });
  worker.on("exit", (code: number | null, signal: string | null) => observer.onEnd({ code, signal }));
  worker.on("error", () => {
    // It could not be started. Other errors, of messages to it, come before its end.
    if (worker.process.pid === undefined) observer.onEnd({ code: null, signal: null });
  });
  return {
    id: worker.id,
    pid: worker.process.pid,
    leave: (drain) => {
      // Before it listens to messages, they are lost; nor has it clients then.
      if (canHear && worker.isConnected()) worker.send(writeMessage({ name: "leave", drain }));
      else worker.process.kill("SIGTERM");
    },
    kill: () => void worker.process.kill("SIGKILL"),
  };
};

/**
 * Until the primary knows that a server has closed, it passes connections on, and the worker returns them. A process that
 * exits before would leave their clients without an answer. The disconnection is confirmed by the primary, so it comes last.
 */
async function disconnect(self: Worker): Promise<void> {
  if (!self.isConnected()) return;
  const disconnected = new Promise<void>((resolve) => self.once("disconnect", () => resolve()));
  self.disconnect();
  await disconnected;
}

function runWorker(
  self: Worker,
  start: () => Started | PromiseLike<Started>,
  { drain }: Required<WorkersOptions>,
): Workers {
  const worker = new WorkerProcess(
    {
      id: self.id,
      clock: serverClock,
      send: (message) => void (process.connected && process.send?.(writeMessage(message))),
      disconnect: () => disconnect(self),
      exit: (code) => process.exit(code),
      fail: throwUncaught,
    },
    drain,
  );
  process.on("message", (message) => worker.onMessage(message));
  // Each signal for itself: a terminal's SIGINT and the primary's SIGTERM together are not impatience.
  for (const signal of END_SIGNALS) {
    onSignals(
      [signal],
      () => void worker.stop(),
      () => process.exit(exitCodeOf(signal)),
    );
  }
  onHangUp(() => {});
  void worker.run(start);
  return worker;
}

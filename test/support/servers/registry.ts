import { execFile } from "node:child_process";
import { ROOT } from "../../packages/packed-project.ts";

/** Milliseconds. */
const PATIENCE = 30_000;

/** Whether npm can fetch packages. If not, prints why tests are skipped. */
export function canFetchPackages(): Promise<boolean> {
  const args = ["view", "socket.io@4.8.4", "version", "--fetch-retries=0", "--prefer-online"];
  return new Promise((resolve) => {
    execFile("npm", args, { cwd: ROOT, timeout: PATIENCE }, (error, output, complaints) => {
      const isReachable = error === null && output.includes("4.8.4");
      if (!isReachable)
        process.stdout.write(`\nskipped, npm can't fetch packages: ${complaints || (error?.message ?? output)}\n`);
      resolve(isReachable);
    });
  });
}

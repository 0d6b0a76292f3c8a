import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium, type Browser, type BrowserContext } from "playwright-core";
import { digest, madeOnce } from "../support/servers/once.ts";
import { CACHE } from "../support/servers/server-process.ts";

const PACKAGE = "@sparticuz/chromium";

/** Unpacks the browser into the folder for temporary files. */
const UNPACK = `import packaged from "${PACKAGE}"; await packaged.executablePath();`;

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

function installedChromium(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((path) => existsSync(path));
}

/**
 * The browser of the npm package. One test file unpacks it, the others wait: a file that is still written can't be
 * executed. A process of its own unpacks it, because no child of that process can inherit the open file.
 */
async function packagedChromium(): Promise<string | undefined> {
  try {
    const folder = join(CACHE, "chromium", await digest([createRequire(import.meta.url).resolve(PACKAGE)]));
    await madeOnce(folder, async (unfinished) => {
      await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", UNPACK], {
        cwd: fileURLToPath(new URL(".", import.meta.url)),
        env: { ...process.env, TMPDIR: unfinished, NODE_OPTIONS: "" },
      });
    });
    return join(folder, "chromium");
  } catch {
    return undefined;
  }
}

/** A Chromium: CHROME_PATH, else an installed one, else the one inside the npm package. */
export async function findChromium(): Promise<string | undefined> {
  return process.env["CHROME_PATH"] || installedChromium() || (await packagedChromium());
}

export interface StartedBrowser {
  browser: Browser;
  /** Uses a separate profile, with reduced motion, so that tests need not wait for animations. */
  newContext(options?: Parameters<Browser["newContext"]>[0]): Promise<BrowserContext>;
  stop(): Promise<void>;
}

export async function startChromium(executablePath: string): Promise<StartedBrowser> {
  // The browser writes crash reports and caches below HOME for any profile.
  const home = await mkdtemp(join(tmpdir(), "portage-chromium-"));
  const browser = await chromium.launch({
    executablePath,
    args: FLAGS,
    ignoreDefaultArgs: ["--headless=old", "--disable-back-forward-cache"],
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
  });
  return {
    browser,
    newContext: (options) => browser.newContext({ reducedMotion: "reduce", ...options }),
    async stop() {
      await browser.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

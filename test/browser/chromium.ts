import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { chromium, type Browser, type BrowserContext } from "playwright-core";

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

async function packagedChromium(): Promise<string | undefined> {
  try {
    const { default: packaged } = await import("@sparticuz/chromium");
    return await packaged.executablePath();
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

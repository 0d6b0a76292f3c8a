import type { Page } from "playwright-core";
import { findChromium, startChromium } from "./chromium.ts";
import { findFirefox, Firefox } from "./firefox.ts";

/** A browser with one page at a time, which accepts the certificate of the tests. */
export interface TestBrowser {
  open(url: string): Promise<void>;
  evaluate<Argument, Result>(fn: (argument: Argument) => Promise<Result>, argument: Argument): Promise<Result>;
  closePage(): Promise<unknown>;
  stop(): Promise<void>;
}

async function chromiumBrowser(executable: string): Promise<TestBrowser> {
  const chromium = await startChromium(executable);
  const newPage = async (): Promise<Page> => {
    const context = await chromium.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(10_000);
    return context.newPage();
  };
  let page: Page;
  return {
    async open(url) {
      page = await newPage();
      await page.goto(url);
    },
    evaluate: (fn, argument) => page.evaluate(fn as (argument: unknown) => never, argument),
    closePage: () => page.context().close(),
    stop: () => chromium.stop(),
  };
}

export const BROWSERS = [
  ["Chromium", await findChromium(), chromiumBrowser],
  ["Firefox", findFirefox(), (executable: string) => Firefox.start(executable)],
] as const;

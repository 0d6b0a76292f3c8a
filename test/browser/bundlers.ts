import { mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as buildWithEsbuild } from "esbuild";
import { rolldown } from "rolldown";
import { build as buildWithVite } from "vite";
import webpack from "webpack";

/** Where the bundlers look for packages. */
const MODULES = fileURLToPath(new URL("../node_modules/@portage", import.meta.url));
const OUTPUT = "bundled.js";

const RUN: Record<string, (input: string, folder: string) => Promise<unknown>> = {
  async esbuild(input, folder) {
    await buildWithEsbuild({
      entryPoints: [input],
      outfile: join(folder, OUTPUT),
      bundle: true,
      format: "esm",
      minify: true,
    });
  },

  async rolldown(input, folder) {
    const build = await rolldown({ input, platform: "browser" });
    await build.write({ file: join(folder, OUTPUT), format: "esm", minify: true });
    await build.close();
  },

  async vite(input, folder) {
    await buildWithVite({
      configFile: false,
      logLevel: "silent",
      root: folder,
      build: {
        emptyOutDir: false,
        outDir: folder,
        rolldownOptions: { input, output: { entryFileNames: OUTPUT, format: "es" } },
      },
    });
  },

  async webpack(input, folder) {
    await new Promise<void>((resolve, reject) => {
      webpack(
        { mode: "production", entry: input, context: folder, output: { path: folder, filename: OUTPUT } },
        (error, stats) => (error || stats?.hasErrors() ? reject(error ?? new Error(stats?.toString())) : resolve()),
      );
    });
  },
};

export const BUNDLERS: readonly string[] = Object.keys(RUN);

/** Bundles a script for browsers and returns the code. Uses the built packages, found by their exports. */
export async function bundle(name: string, input: string, folder: string): Promise<string> {
  await mkdir(join(folder, "node_modules"), { recursive: true });
  await symlink(MODULES, join(folder, "node_modules/@portage"), "dir").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await RUN[name]?.(input, folder);
  return readFile(join(folder, OUTPUT), "utf8");
}

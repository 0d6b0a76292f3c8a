// Runs before a package is packed. npm would leave `workspace:*` in the manifest: nothing could install that tarball.
const packer = process.env.npm_config_user_agent ?? "";

if (!packer.startsWith("pnpm/")) {
  console.error("This package is packed by pnpm alone: run `npm run pack` at the root of the repository.");
  process.exitCode = 1;
}

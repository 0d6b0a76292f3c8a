// One copy of the plugin serves both module systems: an ES module gets it as the default export.
import plugin from "../dist/fastify.js";

export const { PortageFastifyError } = plugin;
export default plugin.default;

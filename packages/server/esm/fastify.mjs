// One copy of the plugin serves both module systems: an ES module gets it as the default export, too.
import entry from "../dist/fastify.js";

export const { portage, PortageFastifyError } = entry;
export default portage;

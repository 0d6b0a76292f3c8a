export { portage, portage as default, PortageFastifyError, type PortageOptions } from "../dist/fastify.js";

import plugin from "../dist/fastify.js";

export { PortageFastifyError, type PortageOptions } from "../dist/fastify.js";
declare const portage: typeof plugin.default;
export default portage;

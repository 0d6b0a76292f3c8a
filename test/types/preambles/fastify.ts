/* What the example of the Fastify plugin may use. */
export { fastify as Fastify } from "fastify";

/* Preamble for the example of the Fastify plugin. */
export { fastify as Fastify } from "fastify";

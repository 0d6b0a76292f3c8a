/* Preamble for examples of the doctor. */
export { report } from "@portage/server/doctor";

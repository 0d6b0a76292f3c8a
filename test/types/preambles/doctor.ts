/* What examples of the doctor may use. */
export { report } from "@portage/server/doctor";

// Finds public names without documentation, and options that do not name their default.
import { ReflectionKind } from "typedoc";

/** Constants of an enumeration: its documentation is theirs. */
const CONSTANT = /^(?:[A-Z][A-Z_]+|\d)$/;
const NAMES = ReflectionKind.SomeExport & ~(ReflectionKind.Reference | ReflectionKind.Namespace);
const MEMBERS = ReflectionKind.Property | ReflectionKind.Accessor | ReflectionKind.Method;

const hasText = (reflection) => reflection?.hasComment() ?? false;

function isDocumented(reflection) {
  const { signatures = [], getSignature, setSignature, type } = reflection;
  if ([reflection, ...signatures, getSignature, setSignature].some(hasText)) return true;
  return type?.type === "reflection" && isDocumented(type.declaration);
}

/** A constant says by its value what it is, such as the `name` of an error. */
const isConstant = ({ name, type }) => CONSTANT.test(name) || type?.type === "literal";

/** Whether a reflection is public by itself; parts of a type or of a signature share its documentation, options do not. */
function needsDocumentation(reflection) {
  const { kind, parent } = reflection;
  if (kind & NAMES && parent.kind !== ReflectionKind.Namespace) return true;
  if (!(kind & MEMBERS) || isConstant(reflection)) return false;
  const isInRecord = parent.kind === ReflectionKind.TypeLiteral;
  const owner = isInRecord ? parent.parent : parent;
  return Boolean(owner.kind & NAMES) && (!isInRecord || owner.name.endsWith("Options"));
}

const textOf = ({ comment }) => comment?.summary.map(({ text }) => text).join("") ?? "";

/** Whether an option may be left out, and its documentation does not say what holds then. */
function lacksDefault(reflection) {
  const { parent, kind, flags } = reflection;
  if (!(kind & ReflectionKind.Property) || !flags.isOptional || !parent.name.endsWith("Options")) return false;
  return !/default|ignored|without this option/i.test(textOf(reflection));
}

/** Where a name is declared: classes inherit members, and entries share names. */
function declarationOf(project, reflection) {
  const symbol = project.getSymbolIdFromReflection(reflection);
  return symbol === undefined ? reflection.getFullName() : `${symbol.fileName}:${symbol.pos}`;
}

/** Returns what the documentation of public names lacks, each declaration once. */
export function lacksOf(project) {
  const found = new Map();
  for (const reflection of Object.values(project.reflections)) {
    if (!needsDocumentation(reflection)) continue;
    const lack = isDocumented(reflection) ? lacksDefault(reflection) && "default" : "documentation";
    if (lack) found.set(declarationOf(project, reflection), `${reflection.getFullName()} has no ${lack}`);
  }
  return [...found.values()];
}

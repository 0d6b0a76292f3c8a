// Finds the public names without documentation.
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

/** Where a name is declared: classes inherit members, and entries share names. */
function declarationOf(project, reflection) {
  const symbol = project.getSymbolIdFromReflection(reflection);
  return symbol === undefined ? reflection.getFullName() : `${symbol.fileName}:${symbol.pos}`;
}

/** Returns the public names without documentation, each once. */
export function undocumented(project) {
  const found = new Map();
  for (const reflection of Object.values(project.reflections)) {
    if (!needsDocumentation(reflection) || isDocumented(reflection)) continue;
    found.set(declarationOf(project, reflection), reflection.getFullName());
  }
  return [...found.values()];
}

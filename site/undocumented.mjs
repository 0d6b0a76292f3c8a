// Counts the public names without documentation. The bounds only ever fall.
import { ReflectionKind } from "typedoc";

const MOST = { options: 5, names: 6, members: 150 };
const OPTIONS = /(?:Options|Limits|Route)$/;
/** Constants of an enumeration: its documentation is theirs. */
const CONSTANT = /^(?:[A-Z][A-Z_]+|\d)$/;
const NAMES = ReflectionKind.SomeExport & ~ReflectionKind.Reference;
const MEMBERS = ReflectionKind.Property | ReflectionKind.Accessor | ReflectionKind.Method;

const hasText = (reflection) => reflection?.hasComment() ?? false;

function isDocumented(reflection) {
  const { signatures = [], getSignature, setSignature, type } = reflection;
  if ([reflection, ...signatures, getSignature, setSignature].some(hasText)) return true;
  return type?.type === "reflection" && isDocumented(type.declaration);
}

/** A constant says by its value what it is, such as the `name` of an error. */
const isConstant = ({ name, type }) => CONSTANT.test(name) || type?.type === "literal";

/** What a reflection counts as; undefined for parts of a whole that has the documentation. */
function kindOf(reflection) {
  const { kind, parent, name } = reflection;
  if (kind & NAMES && parent.kind !== ReflectionKind.Namespace) return "names";
  if (!(kind & MEMBERS) || name.startsWith("_") || isConstant(reflection)) return undefined;
  const isInRecord = parent.kind === ReflectionKind.TypeLiteral;
  const owner = isInRecord ? parent.parent : parent;
  if (!(owner.kind & NAMES)) return undefined;
  if (OPTIONS.test(owner.name)) return "options";
  return isInRecord ? undefined : "members";
}

/** Where a name is declared: classes inherit members, and entries share names. */
function declarationOf(project, reflection) {
  const symbol = project.getSymbolIdFromReflection(reflection);
  return symbol === undefined ? reflection.getFullName() : `${symbol.fileName}:${symbol.pos}`;
}

/** Returns what is undocumented, by kind and declaration, and a sentence for each kind that has too much of it. */
export function checkDocumentation(project) {
  const found = { options: new Map(), names: new Map(), members: new Map() };
  for (const reflection of Object.values(project.reflections)) {
    const kind = kindOf(reflection);
    if (kind === undefined || isDocumented(reflection)) continue;
    found[kind].set(declarationOf(project, reflection), reflection.getFullName());
  }
  const problems = Object.entries(found)
    .filter(([kind, { size }]) => size > MOST[kind])
    .map(([kind, { size }]) => `${size} ${kind} have no documentation, ${MOST[kind]} may: see above`);
  return { found, problems };
}

// Rewrites private members and object spreads, for which the bundler would generate large or slow code.
import { RolldownMagicString } from "rolldown";
import { parseAst } from "rolldown/parseAst";

/** Matches the properties that replace private members; terser shortens them in minified files. */
export const PRIVATE = /^_[A-Z]\w*_\w+$/;

function visit(node, enter, parents = []) {
  if (enter(node, parents) === false) return;
  const inside = [...parents, node];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === "string") visit(child, enter, inside);
    }
  }
}

const isClass = ({ type }) => type === "ClassDeclaration" || type === "ClassExpression";
const isUnset = ({ type, key, value }) => type === "PropertyDefinition" && key.type === "PrivateIdentifier" && !value;
const declares = ({ body }, name) =>
  body.body.some(({ key }) => key?.type === "PrivateIdentifier" && key.name === name);

/** Returns a name per class, so that private members of a class and its subclass do not collide. */
function nameOf(owner, names) {
  if (!owner.superClass) return "Own";
  if (!names.has(owner)) names.set(owner, owner.id?.name ?? `Class${owner.start}`);
  return names.get(owner);
}

/** Rewrites `{ a, ...b, c }` to `Object.assign({ a }, b, { c })`. */
function rewriteSpreads(node, text) {
  const parts = node.properties;
  const first = parts[0].type === "SpreadElement" ? "Object.assign({}, " : "Object.assign({ ";
  text.overwrite(node.start, parts[0].start, first);
  for (const [index, part] of parts.entries()) {
    const isSpread = part.type === "SpreadElement";
    if (isSpread) text.remove(part.start, part.start + 3);
    const next = parts[index + 1];
    const opens = next && next.type !== "SpreadElement";
    if (!next) text.overwrite(part.end, node.end, isSpread ? ")" : " })");
    else if (isSpread) text.overwrite(part.end, next.start, opens ? ", { " : ", ");
    else text.overwrite(part.end, next.start, opens ? ", " : " }, ");
  }
}

/** Returns the plugin. It removes private fields without a value, as properties need no declaration. */
export function rewriteSyntax({ spreads }) {
  return {
    name: "rewrite syntax",
    transform(code, id) {
      if (!id.endsWith(".ts")) return null;
      const text = new RolldownMagicString(code);
      const names = new Map();
      visit(parseAst(code, { lang: "ts" }, id), (node, parents) => {
        if (isUnset(node)) {
          text.remove(node.start, node.end);
          return false;
        }
        if (node.type === "PrivateIdentifier") {
          const owner = parents.findLast((each) => isClass(each) && declares(each, node.name));
          text.overwrite(node.start, node.end, `_${nameOf(owner, names)}_${node.name}`);
        } else if (
          spreads &&
          node.type === "ObjectExpression" &&
          node.properties.some(({ type }) => type === "SpreadElement")
        ) {
          rewriteSpreads(node, text);
        }
        return true;
      });
      return { code: text.toString(), map: JSON.parse(text.generateMap({ hires: true }).toString()) };
    },
  };
}

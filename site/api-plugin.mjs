// Fits typedoc to this repository: names of entries, members that are not public, and what lacks documentation.
import { readFileSync } from "node:fs";
import { Comment, Converter, ReflectionKind } from "typedoc";
import { lacksOf } from "./lacks.mjs";

/** Typedoc names entries by their files: `server/src/engine` is imported as `@portage/server/engine`. */
const importName = (name) => name.replace(/^(\w+)\/src/, "@portage/$1");

/** The first line of an entry's header says what it is for; the rest is for those who work on it. */
function purposeOf(project, module) {
  const { fileName } = project.getSymbolIdFromReflection(module);
  const [, line] = /^\/\*\n \* (?:[^:\n]+: )?(.+)/.exec(readFileSync(fileName, "utf8"));
  return new Comment([{ kind: "text", text: line.charAt(0).toUpperCase() + line.slice(1) }]);
}

/** Not public: members keyed by symbols, except those that the language calls, and members with an underscore. */
const isInternal = ({ name }) => /^\[(?!iterator|asyncIterator|asyncDispose|dispose)|^_[a-z]|^[a-z]\w*_$/i.test(name);

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      module.name = importName(module.name);
      module.comment = purposeOf(project, module);
    }
    for (const each of Object.values(project.reflections)) if (isInternal(each)) project.removeReflection(each);
  });
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    const lacks = lacksOf(project);
    console.log(`reference: ${lacks.length} public names without documentation or default`);
    for (const lack of lacks) app.logger.error(lack);
  });
}

/*
 * Filters of the connections table: words such as `transport:polling`, `age>60`, and free text.
 * Knows: how words are written in a field and in an address.
 * Must not know: what the server makes of them.
 */

/** Parameters of an address that are not a word of a filter. */
const RESERVED = new Set(["order", "desc", "node"]);
/** The parameter with free text. */
const FREE = "q";
const WORD = /^(?<key>[a-z]+)(?<sign>[:<>])(?<value>.+)$/;

const splitWords = (filter: string): string[] => filter.split(/\s+/).filter((word) => word !== "");

/** Returns the parameters that stand for a filter. */
export function paramsOf(filter: string): Record<string, string> {
  const params: Record<string, string> = {};
  const free: string[] = [];
  for (const word of splitWords(filter)) {
    const { key = "", sign = "", value = "" } = WORD.exec(word)?.groups ?? {};
    if (key === "" || RESERVED.has(key) || key === FREE || Object.hasOwn(params, key)) free.push(word);
    else params[key] = sign === ":" ? value : sign + value;
  }
  return free.length === 0 ? params : { ...params, [FREE]: free.join(" ") };
}

/** Returns the filter that parameters stand for. */
export function filterOf(params: Readonly<Record<string, string>>): string {
  const words = Object.entries(params)
    .filter(([key]) => !RESERVED.has(key) && key !== FREE)
    .map(([key, value]) => (/^[<>]/.test(value) ? key + value : `${key}:${value}`));
  return [...words, params[FREE] ?? ""].filter((word) => word !== "").join(" ");
}

/** The server reads words as it reads URLs: names may have white space. */
const escaped = (name: string): string => name.replaceAll(/[%\s]/g, (sign) => encodeURIComponent(sign));

/** Returns the filter for the members of a room. */
export const membersOf = (namespace: string, room: string): string => `nsp:${escaped(namespace)} room:${escaped(room)}`;

/** Whether a filter has a word. */
export const hasWord = (filter: string, word: string): boolean => splitWords(filter).includes(word);

/** Adds a word, in place of another one with the same key; removes it if it is there. */
export function toggleWord(filter: string, word: string): string {
  const words = splitWords(filter);
  if (words.includes(word)) return words.filter((each) => each !== word).join(" ");
  const key = /^[a-z]+[:<>]/.exec(word)?.[0];
  return [...words.filter((each) => key === undefined || !each.startsWith(key)), word].join(" ");
}

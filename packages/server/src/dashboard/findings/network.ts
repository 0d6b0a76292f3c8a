/** Returns the network of an address: its /24, or its /48. Empty for what is not an address. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  const [, first24] = /^(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/.exec(plain) ?? [];
  if (first24 !== undefined) return `${first24}.0/24`;
  if (!plain.includes(":")) return "";
  const [head = "", tail] = plain.split("%", 1).join("").split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  while (groups.length + rest.length < 8) groups.push("0");
  return `${[...groups, ...rest].slice(0, 3).join(":")}::/48`;
}

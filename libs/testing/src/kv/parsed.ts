const PARSED_MAX = 5_000;
const cache = new Map<string, unknown>();

/** Stores are looked at often, and most of what they hold is as it was: parsed once, never changed. */
export function parsed(text: string): unknown {
  const known = cache.get(text);
  if (known !== undefined) return known;
  if (cache.size >= PARSED_MAX) cache.clear();
  const value: unknown = JSON.parse(text);
  cache.set(text, value);
  return value;
}

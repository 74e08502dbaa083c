/** `Prefer: respond-async`, alone or among other preferences: only that is answered before the end. */
export function respondsAsync(prefer: string | undefined): boolean {
  if (prefer === undefined) return false;
  return prefer.split(',').some((preference) => /^\s*respond-async\s*(;.*)?$/i.test(preference));
}

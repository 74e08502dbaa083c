import { types } from 'node:util';

/** An error as a log shows it: each link of its chain of causes says what was tried there. */
export interface DescribedError {
  readonly type: string;
  readonly message: string;
  readonly reason?: string;
  readonly code?: string;
  readonly stack?: string;
  readonly causes?: readonly Omit<DescribedError, 'stack' | 'causes'>[];
}

/** Also of another realm, such as a sandbox's: such errors are no instance of this realm's class. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

/** How many links of a chain are shown. */
const CAUSES_MAX = 8;

export function describeError(error: Error): DescribedError {
  const causes = chainOf(error).slice(1).map(linkOf);
  return {
    ...linkOf(error),
    ...(error.stack === undefined ? {} : { stack: withoutPasswords(error.stack) }),
    ...(causes.length === 0 ? {} : { causes }),
  };
}

/** One line for people: what was tried, and why it failed, down to the first cause. */
export function whyOf(error: unknown): string {
  if (!isError(error)) return withoutPasswords(String(error));
  const messages = chainOf(error).map((link) => linkOf(link).message);
  return messages.filter((message, index) => message !== messages[index - 1]).join(': ');
}

function chainOf(error: Error): unknown[] {
  const chain: unknown[] = [];
  for (let link: unknown = error; link !== undefined && link !== null; link = nextOf(link)) {
    if (chain.length === CAUSES_MAX || chain.includes(link)) break;
    chain.push(link);
  }
  return chain;
}

/** Of an aggregate, such as a connection refused on two addresses, the first error stands for all. */
function nextOf(link: unknown): unknown {
  if (!isError(link)) return undefined;
  if (link.cause !== undefined) return link.cause;
  const { errors } = link as { errors?: unknown };
  return Array.isArray(errors) ? errors[0] : undefined;
}

function linkOf(link: unknown): Omit<DescribedError, 'stack' | 'causes'> {
  if (!isError(link)) return { type: typeof link, message: withoutPasswords(String(link)) };
  const { reason, code } = link as { reason?: unknown; code?: unknown };
  return {
    type: link.name,
    message: withoutPasswords(link.message || (typeof code === 'string' ? code : link.name)),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof code === 'string' || typeof code === 'number' ? { code: String(code) } : {}),
  };
}

/** Addresses such as `redis://user:password@host` get into the messages of many clients. */
export function withoutPasswords(text: string): string {
  return text.replace(/(\w:\/\/[^\s/:@]*):[^\s/@]+@/g, '$1:[secret]@');
}

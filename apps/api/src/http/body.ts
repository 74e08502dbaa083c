import { Refusal } from '@plumbline/domain';
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';

/** Bodies are small: more than this is answered 413 before it is read to its end. */
export const BODY_BYTES_MAX = 64 * 1024;

/** How many of a body's mistakes are named in one answer. */
const ISSUES_MAX = 5;

/**
 * Every body is JSON, whatever its content type says: `curl -d` calls it a form. A DELETE often says that it carries JSON
 * and carries nothing, so an empty body is no mistake here.
 */
export function readJsonBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    try {
      const text = body as string;
      done(null, text.trim() === '' ? undefined : JSON.parse(text));
    } catch {
      done(new Refusal('bad_request', 'error parsing request body'));
    }
  });
}

/**
 * The body as the schema wants it.
 * @throws Refusal that names each wrong field and what would be right.
 */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const given = body ?? {};
  if (typeof given !== 'object' || Array.isArray(given))
    throw new Refusal('bad_request', 'error parsing request body: it must be a JSON object');
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, ISSUES_MAX);
  const field = issues[0]?.path[0];
  throw new Refusal('unprocessable_entity', issues.map(sentenceOf).join('; '), {
    ...(field === undefined ? {} : { field: String(field) }),
  });
}

/** Our own messages name the field; those that a schema did not word itself do not. */
function sentenceOf({ path, message }: z.core.$ZodIssue): string {
  const field = path[0];
  return field === undefined || message.includes(String(field)) ? message : `${path.join('.')}: ${message}`;
}

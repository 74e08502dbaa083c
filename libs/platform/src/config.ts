/**
 * Configuration is read once, in `main.ts`, from the environment that it passes in. Every mistake is named at once, with
 * the variable and what would be right, because a process that stops at its first mistake makes its owner start it five
 * times. Values of secrets are never part of a message.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

export type Environment = Readonly<Record<string, string | undefined>>;

/** One setting: the variable it comes from and how to read it. */
export interface Variable<T> {
  /** @throws VariableError when it is missing or wrong. */
  read(environment: Environment): T;
}

export type ConfigOf<Variables> = {
  readonly [Name in keyof Variables]: Variables[Name] extends Variable<infer T> ? T : never;
};

/** What is wrong with the environment, one line for each variable. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`the configuration is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

class VariableError extends Error {}

/** @throws ConfigError with everything that is wrong. */
export function readConfig<Variables extends Record<string, Variable<unknown>>>(
  variables: Variables,
  environment: Environment,
): ConfigOf<Variables> {
  const problems: string[] = [];
  const entries = Object.entries(variables).map(([name, variable]) => {
    try {
      return [name, variable.read(environment)] as const;
    } catch (error) {
      if (!(error instanceof VariableError)) throw error;
      problems.push(error.message);
      return [name, undefined] as const;
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.fromEntries(entries) as ConfigOf<Variables>;
}

interface Rule<T> {
  readonly schema: z.ZodType<T, string>;
  /** Completes the sentence "must be …". */
  readonly must: string;
  /** The value when the variable is not set; absent: it has to be set. */
  readonly otherwise?: T;
}

/** A variable whose text the schema turns into a value. An empty text counts as not set. */
export function variable<T>(name: string, rule: Rule<T>): Variable<T> {
  return {
    read(environment) {
      const text = textOf(environment, name);
      if (text === null) {
        if (rule.otherwise !== undefined) return rule.otherwise;
        throw new VariableError(`${name} is not set: it must be ${rule.must}`);
      }
      const parsed = rule.schema.safeParse(text);
      if (parsed.success) return parsed.data;
      const at = placeOf(parsed.error.issues[0]);
      throw new VariableError(`${name} is "${shorten(text)}": it must be ${rule.must}${at}`);
    },
  };
}

/** As the variable, or null when it is not set. */
export function optional<T>(name: string, rule: Omit<Rule<T>, 'otherwise'>): Variable<T | null> {
  const given = variable(name, rule);
  return {
    read: (environment) => (textOf(environment, name) === null ? null : given.read(environment)),
  };
}

export function text(name: string, rule: { must: string; otherwise?: string }): Variable<string> {
  return variable(name, { schema: z.string(), ...rule });
}

export function wholeNumber(
  name: string,
  { min, max, otherwise }: { min: number; max: number; otherwise?: number },
): Variable<number> {
  return variable(name, {
    schema: numberText.pipe(z.number().int().min(min).max(max)),
    must: `a whole number from ${min} to ${max}`,
    ...(otherwise === undefined ? {} : { otherwise }),
  });
}

const numberText = z
  .string()
  .regex(/^-?\d+$/)
  .transform(Number);

export const portText = numberText.pipe(z.number().int().min(1).max(65535));

/** True for `1`, false for `0` or when it is not set. */
export function flag(name: string): Variable<boolean> {
  return variable(name, {
    schema: z.enum(['0', '1']).transform((value) => value === '1'),
    must: '0 or 1',
    otherwise: false,
  });
}

export function url(name: string, protocols: readonly string[]): Variable<string> {
  return {
    read(environment) {
      const must = `an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
      const text = textOf(environment, name);
      if (text === null) throw new VariableError(`${name} is not set: it must be ${must}`);
      // An address may carry a password, so what was found is not repeated.
      if (!URL.canParse(text) || !protocols.includes(new URL(text).protocol)) {
        throw new VariableError(`${name} is no such address: it must be ${must}`);
      }
      return text;
    },
  };
}

export function json<T>(
  name: string,
  schema: z.ZodType<T>,
  { must, otherwise }: { must: string; otherwise?: T },
): Variable<T> {
  return {
    read(environment) {
      const parsed = z.string().transform(parseJson).pipe(schema);
      const rule = { schema: parsed, must, ...(otherwise === undefined ? {} : { otherwise }) };
      return variable(name, rule).read(environment);
    },
  };
}

/** The contents of the file that the variable names, without the white space around them. */
export function secretFile(name: string): Variable<string> {
  return {
    read(environment) {
      const path = textOf(environment, name);
      const must = 'it must be the path of a file that holds the secret';
      if (path === null) throw new VariableError(`${name} is not set: ${must}`);
      let secret: string;
      try {
        secret = readFileSync(path, 'utf8').trim();
      } catch (error) {
        const why = (error as NodeJS.ErrnoException).code ?? 'unreadable';
        throw new VariableError(`${name} names "${shorten(path)}", which cannot be read (${why}): ${must}`);
      }
      if (secret === '') throw new VariableError(`${name} names "${shorten(path)}", which is empty: ${must}`);
      return secret;
    },
  };
}

/** `<name>_FILE` names a file with the secret; failing that, `<name>` is the secret itself. */
export function secret(name: string): Variable<string> {
  return {
    read(environment) {
      if (textOf(environment, `${name}_FILE`) !== null) return secretFile(`${name}_FILE`).read(environment);
      const text = textOf(environment, name);
      if (text !== null) return text;
      throw new VariableError(
        `neither ${name}_FILE nor ${name} is set: set ${name}_FILE to the path of a file that holds the value`,
      );
    },
  };
}

/** Where inside a larger value the mistake is, or which of our own rules it breaks; the sentence says the rest. */
function placeOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined || (issue.path.length === 0 && issue.code !== 'custom')) return '';
  const at = issue.path.length === 0 ? '' : `at ${issue.path.join('.')}: `;
  return ` (${at}${issue.message})`;
}

function parseJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: 'custom', message: 'this is no JSON' });
    return z.NEVER;
  }
}

function textOf(environment: Environment, name: string): string | null {
  const text = environment[name]?.trim() ?? '';
  return text === '' ? null : text;
}

const SHOWN_MAX = 120;

function shorten(text: string): string {
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}…`;
}

/**
 * Logs are JSON lines with constant messages and the variables as fields. Secrets are kept out by the names of fields,
 * wherever they stand: whoever logs a request or a configuration by mistake must not have published it.
 */
import { createRequire } from 'node:module';
import { pino } from 'pino';
import { describeError, isError, withoutPasswords } from './describe-error.js';
import { gatheredLines } from './gathered-lines.js';

export type Log = pino.Logger;

interface LogOptions {
  /** The process's name. */
  readonly name: string;
  readonly level: string;
  /** Coloured lines for a terminal. */
  readonly pretty?: boolean;
  /** Where the lines go; stdout when absent. */
  readonly to?: { write(line: string): void };
}

export function createLog({ name, level, pretty = false, to }: LogOptions): Log {
  const options: pino.LoggerOptions = {
    level,
    base: { name, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label) => ({ level: label }),
      log: (fields) => publicFields(fields),
    },
    serializers: {
      // Errors are described together with the other fields, at whatever depth they stand.
      err: (described: unknown) => described,
      // Fields of a child logger do not pass through the formatters.
      ...Object.fromEntries(SECRET_NAMES.map((secret) => [secret, () => HIDDEN])),
    },
    hooks: {
      logMethod(args, method) {
        const [first] = args as unknown[];
        if (!isError(first) || args.length > 1) method.apply(this, args);
        else method.apply(this, [{ err: first }, withoutPasswords(first.message)]);
      },
    },
  };
  return pino(options, to ?? (pretty ? prettyStdout() : gatheredLines(STDOUT)));
}

/** What Nest wants of a logger. Its own chatter at start-up is of interest only to who looks for it. */
export function nestLogger(log: Log) {
  const write = (level: 'debug' | 'warn' | 'error' | 'fatal') => {
    return (message: unknown, ...rest: unknown[]) => {
      const context = rest.findLast((part) => typeof part === 'string');
      const err = [message, ...rest].find((part) => isError(part));
      log[level]({ context, ...(err ? { err } : {}) }, textOf(message));
    };
  };
  return {
    log: write('debug'),
    debug: write('debug'),
    verbose: write('debug'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
  };
}

function textOf(message: unknown): string {
  if (isError(message)) return message.message;
  return typeof message === 'string' ? message : JSON.stringify(message);
}

/** Loaded only where it is wanted: a server has no use for its memory. */
function prettyStdout(): { write(line: string): void } {
  const load = createRequire(import.meta.url);
  const pretty = load('pino-pretty') as (options: object) => { write(line: string): void };
  return pretty({
    colorize: process.stdout.isTTY,
    ignore: 'pid',
    translateTime: 'SYS:HH:MM:ss.l',
    sync: true,
  });
}

const STDOUT = 1;

const SECRET_NAMES = ['authorization', 'cookie', 'set-cookie', 'token', 'password', 'secret', 'apiKey'];
/** Also `opsToken`, `dashboard_password`, `X-Api-Key`. */
const SECRET = /(^authorization|cookie|token|password|secret|api[-_]?key)$/i;
const HIDDEN = '[secret]';
/** How deep fields are looked at; what is deeper is left out. */
const DEPTH_MAX = 6;

type Fields = Record<string, unknown>;

function publicFields(fields: Fields, depth = 0): Fields {
  let changed: Fields | null = null;
  for (const [name, value] of Object.entries(fields)) {
    const shown = SECRET.test(name) ? HIDDEN : publicValue(value, depth);
    if (shown !== value) changed = { ...(changed ?? fields), [name]: shown };
  }
  return changed ?? fields;
}

function publicValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isError(value)) return describeError(value);
  if (depth >= DEPTH_MAX) return '[deep]';
  if (Array.isArray(value)) {
    const shown = value.map((item) => publicValue(item, depth + 1));
    return shown.some((item, index) => item !== value[index]) ? shown : value;
  }
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);
  return isPlain ? publicFields(value as Fields, depth + 1) : value;
}

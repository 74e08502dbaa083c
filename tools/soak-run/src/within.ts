/**
 * A call with a deadline that comes whatever becomes of the call: now and then one whose connection broke was given up by
 * nobody, its signal of a time-out collected with it, and a run of half an hour never ended.
 * @throws an error named `TimeoutError`
 */
export async function within<T>(ms: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new DOMException(`no answer within ${ms} ms`, 'TimeoutError');
      over.abort(error);
      reject(error);
    }, ms);
  });
  try {
    return await Promise.race([call(over.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

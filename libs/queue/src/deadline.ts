/** Rejects when the promise takes longer. What it stands for may still happen: only our waiting ends. */
export async function within<T>(
  { what, deadlineMs }: { what: string; deadlineMs: number },
  promise: Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no answer within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs jobs so many at a time, begun in the order given.
 * @template T
 * @param {(() => Promise<T>)[]} jobs
 * @param {number} atATime
 * @returns {Promise<T[]>} what they returned, in the order of the jobs; rejects with the first that fails
 */
export async function sideBySide(jobs, atATime) {
  /** @type {T[]} */
  const results = [];
  const waiting = jobs.entries();
  const worker = async () => {
    for (const [index, job] of waiting) results[index] = await job();
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return results;
}

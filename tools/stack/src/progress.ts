/** Where a command tells what it is doing. Tests pass a silent one. */
export interface Progress {
  line(text: string): void;
  phase<T>(name: string, work: () => Promise<T>, outcome?: (result: T) => string): Promise<T>;
}

const nameWidth = 14;

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Prints one aligned line when a phase ends: phases run at the same time, so a line is never left half written. */
export function progressTo(write: (text: string) => void): Progress {
  return {
    line: (text) => write(`${text}\n`),
    async phase(name, work, outcome) {
      const began = Date.now();
      const tell = (text: string) =>
        write(`  ${name.padEnd(nameWidth)} ${seconds(Date.now() - began).padStart(7)}  ${text}\n`);
      try {
        const result = await work();
        tell(outcome ? outcome(result) : 'ready');
        return result;
      } catch (error) {
        tell('FAILED');
        throw error;
      }
    },
  };
}

import type { Mutant } from './mutant.js';

const JOURNAL = 'libs/registry/src/journal.ts';
const MERGED = 'libs/registry/src/merged-commit.ts';
const GUARD = 'libs/registry/src/boot-guard.ts';
const FOLDS = 'libs/registry/src/folds.ts';
const TAKEOVER = 'libs/registry/src/takeover.ts';
const OWN_BOOT = 'libs/registry/src/own-boot.ts';
const SILENCE = 'libs/registry/src/silence.ts';
const VIEW = 'libs/registry/src/boots-view.ts';

const CLAIMS = 'libs/registry/src/claim-folds.ts';

/** What lands, what a lost answer means, and who is alive. */
export const OF_REGISTRY: readonly Mutant[] = [
  {
    id: 'no-boot-check',
    breaks: ['C3'],
    file: MERGED,
    find: "guards[BOOT_AT] = { verb: 'check-index', key: guard.key, index: sentWith };",
    put: "guards[BOOT_AT] = { verb: 'check-not-exists', key: haltKey };",
    story: 'volume-create',
    why: 'what a fenced boot has sent still lands',
  },
  {
    id: 'halt-not-minded',
    breaks: ['A4'],
    file: MERGED,
    find: "guards[HALT_AT] = { verb: 'check-not-exists', key: haltKey };",
    put: "guards[HALT_AT] = { verb: 'check-index', key: guard.key, index: sentWith };",
    why: 'what was decided by a registry that was set back is written all the same',
  },
  {
    id: 'not-superseded',
    breaks: ['R2', 'C2', 'C3'],
    file: MERGED,
    find: 'const state = await this.options.guard.supersede(sentWith);',
    put: "const state = 'superseded' as 'superseded' | 'gone';",
    why: 'what is refused because it has not landed may land yet',
  },
  {
    id: 'superseded-by-an-equal-value',
    breaks: ['R2', 'C2', 'C3'],
    file: GUARD,
    find: "if (await this.#write({ nonce: newNonce() })) return 'superseded';",
    put: "if (await this.#write({ nonce: this.#record.nonce, ...(newNonce() === '' ? {} : {}) })) return 'superseded';",
    why: 'Consul keeps the index of a value that is rewritten unchanged, so nothing is kept from landing',
  },
  {
    id: 'fenced-boot-revived',
    breaks: ['C3', 'A1'],
    file: GUARD,
    find: "{ verb: 'cas', key: this.key, value, index: this.#index },",
    put: "{ verb: 'set', key: this.key, value },",
    why: 'a plain write brings back a key that a fence has deleted',
  },
  {
    id: 'timeout-taken-as-refusal',
    breaks: ['R2'],
    file: MERGED,
    find: 'return error instanceof TransientError || error instanceof RejectedError;',
    put: 'return error instanceof TransientError || error instanceof RejectedError || error instanceof Error;',
    why: 'a write whose answer was lost is refused, and may have landed',
  },
  {
    id: 'lost-taken-as-landed',
    breaks: ['R1', 'C2', 'A1'],
    file: MERGED,
    find: 'proof.landed(proofs.get(proof.key) ?? null),',
    put: 'proof.landed(proofs.get(proof.key) ?? null) || proofs.size > 0,',
    why: 'whatever was not answered is taken for written',
  },
  {
    id: 'settled-by-anybody',
    breaks: ['R1', 'V3', 'A1', 'C4', 'C5'],
    file: JOURNAL,
    find: 'return settles ? now?.intent !== before?.intent :',
    put: 'return settles || written !== undefined ? now?.intent !== undefined || now?.intent !== before?.intent :',
    why: 'any head at all proves that one’s own write has landed',
  },
  {
    id: 'index-of-a-later-value',
    breaks: ['R1', 'C1', 'C2'],
    file: 'libs/registry/src/landed.ts',
    find: 'return { index: entry?.value === op.value ? entry.index : INDEX_OF_NONE };',
    put: 'return { index: entry?.index ?? INDEX_OF_NONE };',
    why: 'after a lost answer the next write overwrites what others have written since',
  },
  {
    id: 'lane-written-over',
    // The write itself breaks C3, before it happens to overwrite anything.
    breaks: ['C3', 'R1', 'C1', 'C2'],
    file: JOURNAL,
    find: "if (lane !== null) return [{ verb: 'cas', key, value: JSON.stringify(lane), index: laneIndex }];",
    put: "if (lane !== null) return [{ verb: laneIndex < 0 ? 'cas' : 'set', key, value: JSON.stringify(lane), index: laneIndex } as KvOp];",
    why: 'a turn writes the lane as it knew it, whatever was appended',
  },
  {
    id: 'judged-by-an-older-record',
    breaks: ['B2', 'V4', 'R3'],
    file: JOURNAL,
    find: `if (from.recordIndex > 0)
      ops.push({ verb: 'check-index'`,
    put: `if (from.recordIndex < 0)
      ops.push({ verb: 'check-index'`,
    why: 'a whole life of a lane between a look and a write goes unnoticed, because a lane that is gone looks as before',
  },
  {
    id: 'name-taken-twice',
    breaks: ['R3'],
    file: JOURNAL,
    find: "verb: 'cas',\n      key: this.nameKey(account, name),\n      value: id,\n      index: 0,",
    put: "verb: 'set',\n      key: this.nameKey(account, name),\n      value: id,",
    why: 'the last of two creates under one name takes it from the first',
  },
  {
    id: 'id-used-twice',
    breaks: ['V7'],
    file: JOURNAL,
    find: "ops.push({ verb: 'cas', key: this.layout.owner(id), value: entry.account, index: 0 });",
    put: "ops.push({ verb: 'set', key: this.layout.owner(id), value: entry.account });",
    why: 'an id that was deleted is made again, and late effects of its first life meet the second',
  },
  {
    id: 'idempotency-key-not-kept',
    breaks: ['R3'],
    file: JOURNAL,
    find: 'if (request === undefined) return [];',
    put: 'if (request === undefined || action.n > 0) return [];',
    why: 'a request that is repeated is carried out again',
  },
  {
    id: 'idempotency-key-in-clear',
    breaks: ['B4'],
    file: 'libs/registry/src/layout.ts',
    find: 'key(`requests/${account}/${hash(requestKey)}`),',
    put: 'key(`requests/${account}/${requestKey}`),',
    why: 'what a customer has put into a header is shown to whoever may list keys',
  },
  {
    id: 'either-limit-will-do',
    breaks: ['B2'],
    file: JOURNAL,
    find: 'const over = limits !== null && (after.volumes > limits.volumes || after.gib > limits.gib);',
    put: 'const over = limits !== null && after.volumes > limits.volumes && after.gib > limits.gib;',
    why: 'an account is over its limits only when it is over both',
  },
  {
    id: 'slot-freed-with-the-others',
    breaks: ['V4'],
    file: 'libs/registry/src/vm-slots.ts',
    find: "if (slot === 'free') return JSON.stringify({ ...vm, slots: others });",
    put: "if (slot === 'free') return JSON.stringify({ ...vm, slots: {} });",
    why: 'one detach frees the slots of all volumes of the VM',
  },
  {
    id: 'owed-to-nobody',
    breaks: ['A1', 'M1'],
    file: JOURNAL,
    find: "ops.push({ verb: 'cas', key, value: JSON.stringify(fact), index: 0 });",
    put: "if (change.record !== null) ops.push({ verb: 'cas', key, value: JSON.stringify(fact), index: 0 });",
    why: 'billing never learns that a volume has gone',
  },
  {
    id: 'counter-written-without-its-index',
    breaks: ['B2', 'V4'],
    file: FOLDS,
    find: "return [{ verb: 'cas', key, value, index: known.index }];",
    put: "return [{ verb: 'set', key, value }];",
    why: 'of two processes that count at the same time one is forgotten',
  },
  {
    id: 'fold-known-for-ever',
    breaks: ['B2', 'V4'],
    file: MERGED,
    find: 'this.#known.put(op.key, { value: op.value, index: results[position]!.index, asOf });',
    put: 'this.#known.put(op.key, { ...this.#known.get(op.key)!, index: results[position]!.index, asOf });',
    why: 'the next change is folded over the value before the last one',
  },
  {
    id: 'no-fence',
    breaks: ['C4'],
    file: TAKEOVER,
    find: 'if (record.address !== null) await fence.fence(',
    put: "if (record.address === '') await fence.fence(",
    story: 'volume-create',
    why: 'a boot that is paused keeps its right to write to Ceph when others take over its turns',
  },
  {
    id: 'keys-go-before-the-fence',
    breaks: ['C4'],
    file: TAKEOVER,
    find: `if (record.address !== null) await fence.fence(record.address, AbortSignal.timeout(FENCE_DEADLINE_MS));
      if (!(await this.#clear(boot, index))) return 'alive';`,
    put: `if (!(await this.#clear(boot, index))) return 'alive';
      if (record.address !== null) await fence.fence(record.address, AbortSignal.timeout(FENCE_DEADLINE_MS));`,
    story: 'volume-create',
    why: 'its turns are free before its client is cut off',
  },
  {
    id: 'fencing-taken-as-fenced',
    breaks: ['C4'],
    file: TAKEOVER,
    find: 'if (record.address !== null) await fence.fence(',
    put: "if (record.address !== null && record.state !== 'fencing') await fence.fence(",
    why: 'who finds a takeover half done believes that the dead observer had got to the fence',
  },
  {
    id: 'fence-of-the-living',
    breaks: ['C6'],
    file: SILENCE,
    find: 'readings >= this.limits.readingsMin && reading.askedAtMs - sinceMs >= this.limits.silentMs,',
    put: 'readings >= 1 && reading.askedAtMs - sinceMs >= this.limits.silentMs / 8,',
    why: 'a beat or two that come late are taken for the end',
  },
  {
    id: 'silent-by-the-wall-clock',
    breaks: ['C6'],
    file: VIEW,
    find: 'this.#silent = this.#watch.observe({ askedAtMs, answeredAtMs, beats: others, own: own.beatHistory });',
    put: `this.#silent = this.#watch.observe({ askedAtMs, answeredAtMs, beats: others, own: own.beatHistory });
      const at = (beat: string | undefined): number => (beat ? (JSON.parse(beat) as { at: number }).at : 0);
      const mine = at(this.#beats.get(own.boot));
      this.#silent = new Set([...others.keys()].filter((boot) => mine - at(others.get(boot)) > 60_000));`,
    why: 'whoever’s clock is behind is taken for dead',
  },
  {
    id: 'stamped-by-the-wall-clock',
    breaks: ['C6'],
    file: 'libs/registry/src/registry-clock.ts',
    find: 'if (this.#offset === null) return',
    put: 'if (this.isKnown) return',
    why: 'a process whose clock is days off stamps with it',
  },
  {
    id: 'instant-of-the-clock',
    breaks: ['V2', 'C6', 'M1'],
    file: 'libs/domain/src/plan.ts',
    find: 'at: Math.max(by.now, (by.before?.at ?? 0) + 1) };',
    put: 'at: by.now };',
    why: 'a commit may be stamped before the one that it follows',
  },
  {
    id: 'outage-taken-as-silence',
    breaks: ['C6'],
    file: SILENCE,
    find: `this.#still.clear();
      return new Set();`,
    put: 'return new Set();',
    also: [
      {
        file: SILENCE,
        find: 'return !failed && askedAtMs - own.landedAtMs <= this.limits.ownBeatAgeMaxMs;',
        put: 'return !failed || askedAtMs - own.landedAtMs > this.limits.ownBeatAgeMaxMs;',
      },
      { file: SILENCE, find: 'readings >= this.limits.readingsMin &&', put: '' },
    ],
    why: 'when Consul was away everybody’s beats have stood still, and all are fenced',
  },
  {
    id: 'beat-not-looked-at-again',
    breaks: ['C6'],
    file: TAKEOVER,
    find: "if (beat !== null && (beatEntry?.value ?? '') !== beat) return 'alive';",
    put: '',
    also: [
      {
        file: TAKEOVER,
        find: 'value, index: entry.index }, stillSilent],',
        put: 'value, index: entry.index }],',
      },
    ],
    why: 'a boot that has beaten since it was held for silent is fenced all the same',
  },
  {
    id: 'fenced-worker-carries-on',
    breaks: ['A1', 'C4'],
    file: OWN_BOOT,
    find: 'if (!this.#ended) this.#options.onFenced();',
    put: '',
    why: 'a process that may never write again stays, and with it whatever it holds',
  },
  {
    id: 'read-shared-with-an-earlier-one',
    breaks: ['V2'],
    file: 'libs/registry/src/group-read.ts',
    find: `const trees = await this.#readTwice(prefixes);
      const byPrefix`,
    put: `const trees = await this.#readTwice(prefixes);
      for (let at = this.#queue.length - 1; at >= 0; at -= 1)
        if (this.#queue[at]!.prefixes.every((prefix) => prefixes.includes(prefix))) readers.push(...this.#queue.splice(at, 1));
      const byPrefix`,
    also: [
      {
        file: 'libs/registry/src/group-read.ts',
        find: '#take(): { readers: readonly Reader[]; prefixes: readonly string[] } {',
        put: '#take(): { readers: Reader[]; prefixes: readonly string[] } {',
      },
    ],
    why: 'who asks while an answer is on its way is given that answer, which is older than the question',
  },
  {
    id: 'name-freed-without-a-look',
    breaks: ['R3'],
    file: JOURNAL,
    find: 'entry?.value === id ? goneOps(entry.key, entry.index)',
    put: 'entry && id ? goneOps(entry.key, entry.index)',
    why: 'the end of a volume whose name was lost frees the name of whoever has it by now',
  },
  {
    id: 'name-taken-from-another',
    breaks: ['R3'],
    file: CLAIMS,
    find: 'if (value === null || value === id) return id;',
    put: 'if (value !== undefined) return id;',
    also: [
      {
        file: 'libs/sources/registry/facets/src/name.ts',
        find: "class: 'different',\n      does: 'page',",
        put: "class: 'different',\n      does: 'repair',\n      files: retaken,",
      },
    ],
    why: 'a repair gives a volume its name back, and takes it from another that is called so too',
  },
];

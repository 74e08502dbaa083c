import fc from 'fast-check';
import { packPage, packString, unpackDirectory, unpackString, unpackTrash } from './encoding.js';

const u32 = (value: number) => {
  const packed = Buffer.alloc(4);
  packed.writeUInt32LE(value);
  return packed;
};

describe('the packing of the object class', () => {
  it('reads back every string that it packs', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(unpackString(packString(text))).toBe(text);
      }),
    );
  });

  it('reads a directory entry by entry', () => {
    const entry = fc.tuple(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[0-9a-f]{12}$/));
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const packed = [u32(entries.length), ...entries.flat().map(packString)];
        expect(unpackDirectory(Buffer.concat(packed))).toEqual(entries);
      }),
    );
  });

  it('asks for a page by the last name and a 64-bit count', () => {
    expect(packPage('ab', 258).toString('hex')).toBe('02000000' + '6162' + '0201000000000000');
  });

  it('reads trash of both versions, and skips what a later one appends', () => {
    const body = (state: Buffer, more: Buffer) =>
      Buffer.concat([
        Buffer.from([0]),
        packString('volume-a'),
        u32(1_700_000_000),
        u32(123_456_789),
        u32(0),
        u32(0),
        state,
        more,
      ]);
    const entry = (version: number, content: Buffer) =>
      Buffer.concat([Buffer.from([version, 1]), u32(content.length), content]);
    const packed = Buffer.concat([
      u32(3),
      packString('1'),
      entry(1, body(Buffer.alloc(0), Buffer.alloc(0))),
      packString('2'),
      entry(2, body(Buffer.from([1]), Buffer.alloc(0))),
      packString('3'),
      entry(3, body(Buffer.from([0]), Buffer.from('later'))),
    ]);
    const common = { name: 'volume-a', deletedAtMs: 1_700_000_000_123 };
    expect(unpackTrash(packed)).toEqual([
      { imageId: '1', state: 'whole', ...common },
      { imageId: '2', state: 'moving', ...common },
      { imageId: '3', state: 'whole', ...common },
    ]);
  });
});

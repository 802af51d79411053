import { describe, expect, it } from 'vitest';
import { schemaHash } from '../../schemas/generate/text.ts';
import { PROTOCOL_VERSION, PROTOCOL_VERSIONS } from '../../schemas/protocol-version.ts';
import { schemaText } from './flatc.ts';

describe('the protocol version', () => {
  it('[HOUSE5] has a line for this wire', () => {
    const wire = schemaHash(['command', 'client', 'peer'].map(schemaText).join('\n'));
    const newest = PROTOCOL_VERSIONS.at(-1)!;
    expect(
      newest.wire,
      `The wire is ${wire} now (command.fbs, client.fbs or peer.fbs changed). In schemas/protocol-version.ts: if version ` +
        `${newest.version} was ever released, add { version: ${newest.version + 1}, wire: '${wire}', change: '…' }; ` +
        `if it was not, give its line this hash.`,
    ).toBe(wire);
  });

  it('counts from 1 without a gap, each wire once', () => {
    expect(PROTOCOL_VERSIONS.map((line) => line.version)).toEqual(PROTOCOL_VERSIONS.map((_, i) => i + 1));
    expect(new Set(PROTOCOL_VERSIONS.map((line) => line.wire)).size).toBe(PROTOCOL_VERSIONS.length);
    expect(PROTOCOL_VERSIONS.every((line) => line.change.length > 0)).toBe(true);
    expect(PROTOCOL_VERSION).toBe(PROTOCOL_VERSIONS.at(-1)!.version);
  });
});

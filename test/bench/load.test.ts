import { describe, expect, it } from 'vitest';
import { type Answer, decodeActs, encodeAnswer, encodeAnswers } from '../../schemas/generated/client.ts';
import { decodeMessage } from '../../schemas/generated/peer.ts';
import { warehouseSchema } from '../../schemas/generated/warehouse.ts';
import { scanAnswer, scanAnswers } from './load/answers.ts';
import { Templates } from './load/template.ts';

const answer = (sequence: number, change: Partial<Answer> = {}): Answer => ({
  ...{ sequence, outcome: 'issued', number: 9, duplicate: false, result: '{"A":1}', code: '', detail: '' },
  ...change,
});

describe('the load generator', () => {
  it('makes acts that a gateway can read, with the sequences that it was told', () => {
    const templates = Templates.acts(10);
    for (const count of [1, 2, 64]) {
      const first = 2 ** 33 + 5;
      const { acts } = decodeActs(new Uint8Array(templates.fill(count, first)));
      expect(acts.map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: count }, (_, i) => first + i),
      );
      for (const { action, args } of acts) {
        expect(action).toBe('transfer');
        expect(warehouseSchema.actions.transfer.decode(args)).toMatchObject({ amount: 1 });
      }
    }
  });

  it('makes executes that a region can read, each message of one session', () => {
    const session = 'abcdefghijklmnopqrstuv';
    const bytes = Templates.executes(10).fill(3, 7, 261, session);
    const { world, body } = decodeMessage(new Uint8Array(bytes), true);
    if (body.kind !== 'executeBatch') throw new Error(body.kind);
    expect(world).toBe('warehouse');
    expect(body.actions.map((each) => [each.request, each.sequence, each.session])).toEqual([
      [261, 7, session],
      [262, 8, session],
      [263, 9, session],
    ]);
  });

  it('reads what became of them', () => {
    const told: [number, string | null][] = [];
    const take = (sequence: number, failure: string | null) => void told.push([sequence, failure]);
    const answers = [answer(1), answer(2 ** 40 + 1), answer(3, { outcome: 'failed', code: 'overloaded' })];
    scanAnswers(Buffer.concat([Buffer.alloc(2), encodeAnswers({ answers })]), 2, take);
    for (const each of answers) scanAnswer(Buffer.concat([Buffer.alloc(2), encodeAnswer(each)]), 2, take);
    expect(told).toEqual([
      [1, null],
      [2 ** 40 + 1, null],
      [3, 'failed'],
      [1, null],
      [2 ** 40 + 1, null],
      [3, 'overloaded'],
    ]);
  });
});

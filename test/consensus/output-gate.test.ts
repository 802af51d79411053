import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutputGate } from '../../server/consensus/output-gate.ts';
import type { Send } from '../../server/consensus/types.ts';

const send = (after: number, to = 0): Send => ({
  to,
  after,
  message: { kind: 'my-next-bal', ballot: after },
});

describe('output commit [I10, 16.1]', () => {
  it('holds back what waits for a write, lets the rest pass', () => {
    const gate = new OutputGate();
    expect(gate.add([send(1), send(0, 1), send(2)])).toEqual([send(0, 1)]);
    expect(gate.held).toBe(2);
    expect(gate.persisted(1)).toEqual([send(1)]);
    expect(gate.persisted(1)).toEqual([]);
    expect(gate.add([send(1), send(2)])).toEqual([send(1)]);
    expect(gate.persisted(5)).toEqual([send(2), send(2)]);
    expect(gate.add([send(5)])).toEqual([send(5)]);
    expect(gate.held).toBe(0);
  });

  it('nothing leaves early, nothing is lost, what waits keeps its order', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ write: fc.nat(12) }),
        fc.record({ afters: fc.array(fc.nat(12), { maxLength: 4 }) }),
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, (script) => {
        const gate = new OutputGate();
        let durable = 0;
        let given = 0;
        const left: Send[] = [];
        for (const step of script) {
          let out: readonly Send[];
          if ('write' in step) {
            durable = Math.max(durable, step.write);
            out = gate.persisted(step.write);
          } else out = gate.add(step.afters.map((after) => send(after, given++)));
          for (const { after } of out) expect(after).toBeLessThanOrEqual(durable);
          left.push(...out);
        }
        const waited = gate.persisted(12);
        expect([...left, ...waited].map(({ to }) => to).sort((a, b) => a - b)).toEqual([
          ...Array(given).keys(),
        ]);
        expect(gate.held).toBe(0);
      }),
    );
  });
});

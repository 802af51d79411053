/** Nanoseconds of encoding, verifying and decoding one warehouse transfer: its delta, its envelope, its arguments. */

import { verifyCommand } from '../../schemas/generated/command.ts';
import { decodeMessage, encodeMessage } from '../../schemas/generated/peer.ts';
import { warehouseSchema } from '../../schemas/generated/warehouse.ts';
import type { Envelope } from '../../schemas/support/command-types.ts';
import { emptyDigest } from '../../schemas/support/digest.ts';
import {
  decodeEnvelope,
  encodeEnvelope,
  joinBatch,
  readId,
  splitBatch,
} from '../../schemas/support/envelope.ts';
import type { Change } from '../../schemas/support/types.ts';
import { median, round, table } from './statistics.ts';

const { warehouse } = warehouseSchema.tables;
const { transfer } = warehouseSchema.actions;
const changes = (amount: number): Change[] => [
  { table: warehouse, op: 'patch', key: 'A', row: { id: 'A', amount }, mask: 2 },
  { table: warehouse, op: 'patch', key: 'B', row: { id: 'B', amount: 500 - amount }, mask: 2 },
];
const envelope = (number: number, delta: Uint8Array): Envelope => ({
  number,
  born: 12,
  precedent: 12,
  time: 1_700_000_000_000 + number,
  session: 's-5f3a9c21d07b4e68',
  sequence: number,
  origin: { region: 1, request: number },
  action: 'transfer',
  result: '{"A":400,"B":100}',
  delta,
  timersSet: [],
  timerFired: 0,
  timersCancelled: [],
  tables: { low: 0x1234_5678, high: 0x9abc_def0 },
  system: { low: 0x0bad_cafe, high: 0x8765_4321 },
});

let sink = 0;

/** What is measured, each called with a rising number. */
function subjects(): { readonly [name: string]: (i: number) => void } {
  const delta = warehouseSchema.encodeDelta(changes(400));
  const commands = Array.from({ length: 100 }, (_, i) => encodeEnvelope(envelope(i + 1, delta)));
  const batch = joinBatch(commands);
  const message = encodeMessage({ world: 'warehouse', body: { kind: 'beginBallot', ballot: 12, batch } });
  const args = transfer.encode({ from: 'A', to: 'B', amount: 100 });
  const row = { id: 'A', amount: 400 };
  const digest = emptyDigest();
  return {
    'encode delta': (i) => {
      sink += warehouseSchema.encodeDelta(changes(i % 500)).length;
    },
    'verify + decode delta': () => {
      sink += warehouseSchema.decodeDelta(delta).length;
    },
    'decode delta (trusted)': () => {
      sink += warehouseSchema.decodeDelta(delta, true).length;
    },
    'encode envelope': (i) => {
      sink += encodeEnvelope(envelope(i, delta)).length;
    },
    'encode delta + envelope': (i) => {
      sink += encodeEnvelope(envelope(i, warehouseSchema.encodeDelta(changes(i % 500)))).length;
    },
    'verify envelope': (i) => {
      verifyCommand(commands[i % 100]!, true);
    },
    'verify + decode envelope': (i) => {
      sink += decodeEnvelope(commands[i % 100]!).number;
    },
    'decode envelope (trusted)': (i) => {
      sink += decodeEnvelope(commands[i % 100]!, true).number;
    },
    'read id': (i) => {
      sink += readId(commands[i % 100]!).number;
    },
    'split 100, verified (a command)': (i) => {
      if (i % 100 === 0) sink += splitBatch(batch).length;
    },
    'begin-ballot of 100, encode (a command)': (i) => {
      if (i % 100 === 0) {
        const body = { kind: 'beginBallot', ballot: i, batch } as const;
        sink += encodeMessage({ world: 'warehouse', body }).length;
      }
    },
    'begin-ballot of 100, decode (a command)': (i) => {
      if (i % 100 === 0) sink += decodeMessage(message).world.length;
    },
    'encode arguments': (i) => {
      sink += transfer.encode({ from: 'A', to: 'B', amount: i }).length;
    },
    'decode arguments': () => {
      sink += transfer.decode(args)['amount'] as number;
    },
    'hash a row': () => {
      warehouse.hash(row, digest, 1);
    },
    'draft, one set': (i) => {
      const draft = warehouse.draft(row, owner);
      draft.amount = i;
      sink += draft.$mask;
    },
  };
}

const owner = { touch: () => {} };

/** Nanoseconds a call, the median of the rounds. */
export async function codec(options: { readonly rounds: number }): Promise<object> {
  const calls = 200_000;
  const figures: { [name: string]: number } = {};
  const all = Object.entries(subjects());
  for (const [, run] of all) for (let i = 0; i < calls / 4; i++) run(i);
  for (const [name, run] of all) {
    const samples: number[] = [];
    for (let r = 0; r < options.rounds; r++) {
      const started = process.hrtime.bigint();
      for (let i = 0; i < calls; i++) run(i);
      samples.push(Number(process.hrtime.bigint() - started) / calls);
    }
    figures[name] = round(median(samples), 1);
  }
  const delta = warehouseSchema.encodeDelta(changes(400));
  const bytes = { delta: delta.length, command: encodeEnvelope(envelope(1, delta)).length };
  console.log(table([['ns a call', ''], ...Object.entries(figures)]));
  console.log(`bytes: delta ${bytes.delta}, command ${bytes.command} (checksum ${sink % 10})`);
  return { unit: 'ns', rounds: options.rounds, figures, bytes };
}

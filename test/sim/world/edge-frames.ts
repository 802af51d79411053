import type { Answer, Welcome } from '../../../client/session-types.ts';
import type { Act, Snapshot } from '../../../schemas/generated/client.ts';
import type { Production } from '../production.ts';

/** What a gateway puts on a client's connection at once. */
export type Down =
  | { readonly kind: 'welcome'; readonly welcome: Welcome }
  | { readonly kind: 'commands'; readonly first: number; readonly commands: readonly Uint8Array[] }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[] }
  /** One part of it. */
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'move-on'; readonly reason: string }
  /** The other end's answer to a ping; no message of ours. */
  | { readonly kind: 'heard' }
  /** The end of the connection, as this side sees it. */
  | { readonly kind: 'lost'; readonly reason: string };

/** What a client puts on its connection at once: a message of schemas/client.fbs, or what it takes for one. */
export interface Up {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** Numbers of the messages in schemas/client.fbs. */
const ACT = 1;
const COMMANDS = 2;
const ANSWER = 3;
const SNAPSHOT = 4;
const WELCOME = 6;
const MOVE_ON = 7;
const ACTS = 8;
const ANSWERS = 9;

/** A frame as a message's number and bytes; null for what is no message of ours. */
export function encodeDown(production: Production, down: Down): Up | null {
  const { codec } = production;
  switch (down.kind) {
    case 'welcome':
      return { type: WELCOME, bytes: codec.encodeWelcome(down.welcome) };
    case 'commands': {
      const { first, commands } = down;
      const batch = production.joinBatch(commands);
      return {
        type: COMMANDS,
        bytes: codec.encodeCommands({ first, last: first + commands.length - 1, batch }),
      };
    }
    case 'answers':
      return down.answers.length === 1
        ? { type: ANSWER, bytes: codec.encodeAnswer(down.answers[0]!) }
        : { type: ANSWERS, bytes: codec.encodeAnswers({ answers: down.answers }) };
    case 'snapshot':
      return { type: SNAPSHOT, bytes: codec.encodeSnapshot(down.snapshot) };
    case 'move-on':
      return { type: MOVE_ON, bytes: codec.encodeMoveOn({ reason: down.reason }) };
    default:
      return null;
  }
}

export function encodeUp({ codec }: Production, acts: readonly Act[]): Up {
  return acts.length === 1
    ? { type: ACT, bytes: codec.encodeAct(acts[0]!) }
    : { type: ACTS, bytes: codec.encodeActs({ acts }) };
}

/** Throws SchemaError where it is no message of ours. */
export function decodeUp({ codec, SchemaError }: Production, { type, bytes }: Up): readonly Act[] {
  if (type === ACT) return [codec.decodeAct(bytes)];
  if (type === ACTS) return codec.decodeActs(bytes).acts;
  throw new SchemaError('forged', '', `no message has the number ${type}`);
}

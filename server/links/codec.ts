import {
  type Body,
  decodeMessage,
  type Execute,
  encodeMessage,
  type Reply as WireReply,
} from '../../schemas/generated/peer.ts';
import { joinBatch, readId, splitBatch } from '../../schemas/support/envelope.ts';
import { SchemaError } from '../../schemas/support/errors.ts';
import { fieldAt, readText, target } from '../../schemas/support/reader.ts';
import { validUtf8 } from '../../schemas/support/utf8.ts';
import type { Command, Vote } from '../consensus/types.ts';
import type { ActionRequest, Reply } from '../leader/types.ts';
import type { PeerMessage } from './types.ts';

/** Commands travel as the bytes they were made of, in one piece. */
function batch(commands: readonly Command[]): Uint8Array {
  return joinBatch(commands.map((command) => command.bytes));
}

/** Verified commands of a received batch; their bytes are parts of it. */
function unbatch(bytes: Uint8Array): Command[] {
  return splitBatch(bytes).map((command) => {
    const { number, born, precedent } = readId(command);
    if (number < 1 || born < 1) {
      throw new SchemaError('forged', 'command', `no command has number ${number} and was born in ${born}`);
    }
    return { number, born, precedent, bytes: command };
  });
}

function encodeReply(reply: Reply): WireReply {
  const blank = { request: reply.request, number: 0, code: '', detail: '', result: '', origin: null };
  switch (reply.outcome) {
    case 'refused':
    case 'failed':
      return { ...blank, outcome: reply.outcome, code: reply.code, detail: reply.detail };
    case 'nothing':
      return { ...blank, outcome: 'nothing', number: reply.number, result: reply.result };
    case 'duplicate':
      return { ...blank, outcome: 'duplicate', ...reply.answer };
    case 'not-leader':
      return { ...blank, outcome: 'notLeader' };
    case 'read':
      return { ...blank, outcome: 'read', number: reply.number };
  }
}

function decodeReply(wire: WireReply, region: number): Reply {
  const { request, outcome, number, result, code, detail, origin } = wire;
  switch (outcome) {
    case 'refused':
    case 'failed':
      return { region, request, outcome, code, detail };
    case 'nothing':
      return { region, request, outcome, number, result };
    case 'duplicate':
      return { region, request, outcome, answer: { number, result, origin } };
    case 'notLeader':
      return { region, request, outcome: 'not-leader' };
    case 'read':
      return { region, request, outcome, number };
  }
}

function decodeAction(wire: Execute, region: number): ActionRequest {
  const { request, session, sequence, action, args } = wire;
  return { region, request, session, sequence, action, args };
}

/** A message as the schema has it. Regions of actions and replies are not written: the link says them. */
function bodyOf(message: PeerMessage): Body {
  switch (message.kind) {
    case 'next-ballot':
      return { ...message, kind: 'nextBallot' };
    case 'ballot-info': {
      const { votes, issued, ...rest } = message;
      return {
        ...rest,
        kind: 'ballotInfo',
        issued: batch(issued),
        votes: votes.map((vote) => ({ number: vote.command.number, ballot: vote.ballot })),
        voted: batch(votes.map((vote) => vote.command)),
      };
    }
    case 'my-next-bal':
      return { ...message, kind: 'myNextBal' };
    case 'begin-ballot':
      return { kind: 'beginBallot', ballot: message.ballot, batch: batch(message.commands) };
    case 'catch-up':
      return { ...message, kind: 'catchUp' };
    case 'issued':
      return { kind: 'issued', upTo: message.upTo, batch: batch(message.commands) };
    case 'heartbeat-ack':
      return { ...message, kind: 'heartbeatAck' };
    case 'pre-vote':
      return { ...message, kind: 'preVote' };
    case 'pre-vote-answer':
      return { ...message, kind: 'preVoteAnswer' };
    case 'take-over':
      return { ...message, kind: 'takeOver' };
    case 'execute':
      return { ...message, kind: 'executeBatch' };
    case 'reply':
      return { kind: 'replyBatch', ballot: message.ballot, replies: message.replies.map(encodeReply) };
    case 'hand-over':
      return { ...message, kind: 'handOver' };
    case 'voted':
    case 'success':
    case 'heartbeat':
    case 'read':
    case 'presence':
      return message;
  }
}

function votesOf(body: Extract<Body, { readonly kind: 'ballotInfo' }>): Vote[] {
  const commands = unbatch(body.voted);
  if (commands.length !== body.votes.length) {
    throw new SchemaError(
      'forged',
      'ballotInfo.votes',
      `${body.votes.length} votes for ${commands.length} commands`,
    );
  }
  return commands.map((command, i) => {
    const { number, ballot } = body.votes[i]!;
    if (number !== command.number || ballot < command.born) {
      throw new SchemaError(
        'forged',
        'ballotInfo.votes',
        `a vote in ballot ${ballot} for number ${number} on command ${command.number} born in ${command.born}`,
      );
    }
    return { ballot, command };
  });
}

/** `from`: the region that sent it; `self`: this one. Null for what may only stand in a handshake. */
function messageOf(body: Body, from: number, self: number): PeerMessage | null {
  switch (body.kind) {
    case 'nextBallot':
      return { ...body, kind: 'next-ballot' };
    case 'ballotInfo': {
      const { ballot, upTo, born, info, page, pages } = body;
      const held = { issued: unbatch(body.issued), votes: votesOf(body) };
      return { kind: 'ballot-info', ballot, upTo, born, ...held, info, page, pages };
    }
    case 'myNextBal':
      return { ...body, kind: 'my-next-bal' };
    case 'beginBallot':
      return { kind: 'begin-ballot', ballot: body.ballot, commands: unbatch(body.batch) };
    case 'catchUp':
      return { ...body, kind: 'catch-up' };
    case 'issued':
      return { kind: 'issued', upTo: body.upTo, commands: unbatch(body.batch) };
    case 'heartbeatAck':
      return { ...body, kind: 'heartbeat-ack' };
    case 'preVote':
      return { ...body, kind: 'pre-vote' };
    case 'preVoteAnswer':
      return { ...body, kind: 'pre-vote-answer' };
    case 'takeOver':
      return { ...body, kind: 'take-over' };
    case 'executeBatch': {
      const actions = body.actions.map((action) => decodeAction(action, from));
      return { kind: 'execute', ballot: body.ballot, actions };
    }
    case 'replyBatch': {
      const replies = body.replies.map((reply) => decodeReply(reply, self));
      return { kind: 'reply', ballot: body.ballot, replies };
    }
    case 'handOver':
      return { ...body, kind: 'hand-over' };
    case 'voted':
    case 'success':
    case 'heartbeat':
    case 'read':
    case 'presence':
      return body;
    case 'hello':
    case 'proof':
    case 'reject':
      return null;
  }
}

/**
 * The bytes of one message: size-prefixed, a multiple of 8 long, so that messages can lie end to end. Throws SchemaError
 * `bad-value` for what the schema cannot hold.
 */
export function encodePeer(world: string, message: PeerMessage): Uint8Array {
  return encodeMessage({ world, body: bodyOf(message) }, true);
}

/** Batches from here on are not copied into their message. */
const LONG_BATCH = 4_096;
/** Stands for a long batch while its message is written. */
const PLACE = new Uint8Array(8);

/** The bytes that encodePeer makes, in one part or two: a long batch stays where it is. */
export function encodeParts(world: string, message: PeerMessage): readonly Uint8Array[] {
  if (message.kind !== 'begin-ballot' && message.kind !== 'issued') return [encodePeer(world, message)];
  const long = batch(message.commands);
  if (long.length < LONG_BATCH || long.length % PLACE.length !== 0) return [encodePeer(world, message)];
  const body: Body =
    message.kind === 'issued'
      ? { kind: 'issued', upTo: message.upTo, batch: PLACE }
      : { kind: 'beginBallot', ballot: message.ballot, batch: PLACE };
  const whole = encodeMessage({ world, body }, true);
  // The batch is the last thing in the message: its length stands right before it, and nothing follows.
  const head = whole.subarray(0, whole.length - PLACE.length);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  if (view.getUint32(head.length - 4, true) !== PLACE.length) throw new Error('a batch is not where it was');
  view.setUint32(0, head.length + long.length - 4, true);
  view.setUint32(head.length - 4, long.length, true);
  return [head, long];
}

export interface Received {
  readonly world: string;
  readonly message: PeerMessage;
}

/** Field `world` of a Message in schemas/peer.fbs. */
const WORLD_FIELD = 0;
/** Worlds have shorter names (config.ts). */
const WORLD_NAME_BYTES = 64;

/**
 * The world that a message names, without a look at anything else; '' where it names none that can be read. Nothing is verified: a
 * name read from garbage sends the message to who will find the garbage.
 */
export function worldOf(bytes: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = bytes;
  // Of this message alone: offsets that lead out of it find nothing.
  const view = new DataView(buffer, byteOffset, byteLength);
  try {
    const slot = fieldAt(view, target(view, 4), WORLD_FIELD);
    if (slot === 0) return '';
    const at = target(view, slot);
    const length = view.getUint32(at, true);
    const named = length <= WORLD_NAME_BYTES && at + 4 + length <= byteLength;
    return named && validUtf8(bytes, at + 4, at + 4 + length) ? readText({ buffer, view, bytes }, slot) : '';
  } catch (error) {
    if (error instanceof RangeError) return '';
    throw error;
  }
}

/** Verifies everything, each command included, then reads it; byte fields are parts of `bytes`. Throws SchemaError `forged`. */
export function decodePeer(bytes: Uint8Array, from: number, self: number): Received {
  const { world, body } = decodeMessage(bytes, true);
  const message = messageOf(body, from, self);
  if (message === null) throw new SchemaError('forged', 'message', `${body.kind} after the handshake`);
  return { world, message };
}

/**
 * The messages that lie end to end in a frame, as parts of it. Throws SchemaError `forged` where a length does not lead
 * exactly to the next.
 */
export function splitMessages(frame: Uint8Array): Uint8Array[] {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const messages: Uint8Array[] = [];
  for (let at = 0; at < frame.length; ) {
    const length = frame.length - at < 8 ? 0 : view.getUint32(at, true) + 4;
    if (length < 8 || length % 8 !== 0 || length > frame.length - at) {
      throw new SchemaError('forged', 'frame', `no message of ${length} bytes at ${at} of ${frame.length}`);
    }
    messages.push(frame.subarray(at, at + length));
    at += length;
  }
  return messages;
}

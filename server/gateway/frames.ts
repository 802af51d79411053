/** Messages of schemas/client.fbs as Colyseus byte messages (ROOM_DATA_BYTES): the protocol's code, the message's number, its bytes. */
import {
  type Answer,
  encodeAnswer,
  encodeAnswers,
  encodeCommands,
  encodeMoveOn,
  encodeSnapshot,
  encodeWelcome,
  type Snapshot,
  type Welcome,
} from '../../schemas/generated/client.ts';

/** Colyseus' protocol codes that a client of ours may send. */
export const JOIN_ROOM = 10;
export const LEAVE_ROOM = 12;
export const ROOM_DATA_BYTES = 17;
export const PING = 18;

export const ACT = 1;
export const ACTS = 8;

const COMMANDS = 2;
const ANSWER = 3;
const SNAPSHOT = 4;
const FRAME = 5;
const WELCOME = 6;
const MOVE_ON = 7;
const ANSWERS = 9;

/** Bytes before the message: a number up to 127 is one byte on Colyseus' wire. */
export const HEADER = 2;

function frame(number: number, message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER + message.length);
  bytes[0] = ROOM_DATA_BYTES;
  bytes[1] = number;
  bytes.set(message, HEADER);
  return bytes;
}

export const commandsFrame = (first: number, last: number, batch: Uint8Array): Uint8Array =>
  frame(COMMANDS, encodeCommands({ first, last, batch }));
/** `bytes` of a Frame. */
export const mergedFrame = (bytes: Uint8Array): Uint8Array => frame(FRAME, bytes);
export const answerFrame = (answer: Answer): Uint8Array => frame(ANSWER, encodeAnswer(answer));
export const answersFrame = (answers: readonly Answer[]): Uint8Array =>
  frame(ANSWERS, encodeAnswers({ answers }));
export const snapshotFrame = (snapshot: Snapshot): Uint8Array => frame(SNAPSHOT, encodeSnapshot(snapshot));
export const welcomeFrame = (welcome: Welcome): Uint8Array => frame(WELCOME, encodeWelcome(welcome));
export const moveOnFrame = (reason: string): Uint8Array => frame(MOVE_ON, encodeMoveOn({ reason }));

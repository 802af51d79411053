import { CATCH_UP_COMMANDS, INFO_PAGES, OPEN_WINDOWS } from '../../../server/consensus/limits.ts';
import type { Command, ConsensusConfig, Message, VotedRange } from '../../../server/consensus/types.ts';
import { EXECUTE_ACTIONS, EXECUTE_BYTES } from '../../../server/limits.ts';
import type { PeerMessage } from '../../../server/links/types.ts';
import { require } from '../violation.ts';

/** Ranges that one Success may carry: one for each number that a step can issue. */
const RANGES = 100_000;

/** Every message that leaves a device is well-formed and within the configured bounds. */
export function checkWellFormed(config: ConsensusConfig, message: PeerMessage): void {
  /** Numbers above the issued ones that a device may vote for. */
  const open = OPEN_WINDOWS * config.window;
  switch (message.kind) {
    case 'next-ballot':
      ballot(config, message.ballot, message);
      natural(message.from, 1, message);
      return;
    case 'ballot-info':
      ballot(config, message.ballot, message);
      natural(message.upTo, 0, message);
      natural(message.born, 0, message);
      require(message.pages >= 1 && message.pages <= INFO_PAGES, 'form', () => `${message.pages} pages`);
      require(message.page >= 0 && message.page < message.pages, 'form', () => `page ${message.page}`);
      consecutive(message.issued, message);
      for (const { ballot: voted, command } of message.votes) {
        ballot(config, voted, message);
        checkCommand(config, command);
        require(command.born <= voted, 'form', () => `vote ${voted} for a command born in ${command.born}`);
        require(command.number > message.upTo && command.number <= message.upTo + open, 'form', () =>
          `vote for ${command.number}, upTo ${message.upTo}`);
      }
      payload(config, [...message.issued, ...message.votes.map(({ command }) => command)], message);
      return;
    case 'my-next-bal':
      natural(message.ballot, 1, message);
      return;
    case 'begin-ballot':
      ballot(config, message.ballot, message);
      few(message.commands.length, config.window, 'commands', message);
      for (const command of message.commands) {
        checkCommand(config, command);
        require(command.born <= message.ballot, 'form', () => `born ${command.born} in ${message.ballot}`);
      }
      payload(config, message.commands, message);
      return;
    case 'voted':
      ballot(config, message.ballot, message);
      ranges(message.ranges, message);
      few(numbersIn(message.ranges), open, 'numbers', message);
      for (const { born } of message.ranges)
        require(born <= message.ballot, 'form', () => `voted in ${message.ballot} for born ${born}`);
      return;
    case 'success':
      ranges(message.ranges, message);
      return;
    case 'catch-up':
      natural(message.from, 1, message);
      few(message.max, CATCH_UP_COMMANDS, 'commands asked for', message);
      return;
    case 'issued':
      natural(message.upTo, 0, message);
      // Empty: only that it knows more.
      few(message.commands.length, CATCH_UP_COMMANDS, 'commands', message, 0);
      consecutive(message.commands, message);
      for (const command of message.commands) checkCommand(config, command);
      payload(config, message.commands, message);
      return;
    default:
      leadership(message);
  }
}

function leadership(message: Exclude<PeerMessage, Extract<Message, { commands: unknown }>>): void {
  switch (message.kind) {
    case 'heartbeat':
      natural(message.ballot, 1, message);
      natural(message.upTo, 0, message);
      natural(message.sequence, 0, message);
      return;
    case 'heartbeat-ack':
      natural(message.ballot, 1, message);
      natural(message.nextBal, 0, message);
      natural(message.upTo, 0, message);
      natural(message.sequence, 0, message);
      return;
    case 'pre-vote':
      natural(message.round, 0, message);
      natural(message.upTo, 0, message);
      return;
    case 'pre-vote-answer':
      natural(message.round, 0, message);
      return;
    case 'take-over':
      natural(message.ballot, 1, message);
      return;
    case 'execute': {
      few(message.actions.length, EXECUTE_ACTIONS, 'actions', message);
      const args = message.actions.map((action) => action.args.length);
      // The last one may go over.
      few(sumOf(args) - (args.at(-1) ?? 0) + 1, EXECUTE_BYTES, 'bytes of arguments', message);
      return;
    }
    default:
      return;
  }
}

export function checkCommand(config: ConsensusConfig, command: Command): void {
  natural(command.number, 1, command);
  natural(command.precedent, 0, command);
  ballot(config, command.born, command);
  require(command.precedent <= command.born, 'form', () => `precedent above born in ${show(command)}`);
  require((command.number === 1) === (command.precedent === 0), 'form', () =>
    `precedent of ${show(command)}`);
}

function ballot(config: ConsensusConfig, value: number, where: object): void {
  natural(value, config.devices, where);
}

function natural(value: number, least: number, where: object): void {
  require(Number.isSafeInteger(value) && value >= least, 'form', () => `${value} in ${show(where)}`);
}

function consecutive(commands: readonly Command[], where: object): void {
  for (let i = 1; i < commands.length; i++) {
    require(commands[i]!.number === commands[i - 1]!.number + 1 &&
      commands[i]!.precedent === commands[i - 1]!.born, 'form', () => `not consecutive: ${show(where)}`);
  }
}

function ranges(list: readonly VotedRange[], where: object): void {
  require(list.length > 0 && list.length <= RANGES, 'form', () => `${list.length} ranges`);
  for (const { first, last, born } of list) {
    natural(first, 1, where);
    natural(last, first, where);
    natural(born, 1, where);
  }
}

function few(count: number, most: number, what: string, where: object, least = 1): void {
  require(Number.isSafeInteger(count) && count >= least && count <= most, 'form', () =>
    `${count} ${what}, at most ${most}, in ${show(where).slice(0, 200)}`);
}

const numbersIn = (list: readonly VotedRange[]) => sumOf(list.map(({ first, last }) => last - first + 1));
const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

/** One command may be larger than the budget, two may not. */
function payload(config: ConsensusConfig, commands: readonly Command[], where: object): void {
  if (commands.length <= 1) return;
  const bytes = commands.reduce((sum, command) => sum + command.bytes.length, 0);
  require(bytes <= config.messageBytes, 'form', () => `${bytes} payload bytes in ${show(where)}`);
}

/** A message on one line, without its payloads. */
export function show(value: object): string {
  return JSON.stringify(value, (key, inner: unknown) =>
    key === 'bytes' && ArrayBuffer.isView(inner) ? inner.byteLength : inner,
  );
}

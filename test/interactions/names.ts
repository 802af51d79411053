import { ballotOf } from '../../server/consensus/ballot.ts';
import type { Ballot, Command, Device, Message, Vote, VotedRange } from '../../server/consensus/types.ts';

/**
 * How a story writes things. A ballot is its round and its owner, `27C`, or in stories that count as the patent does, its integer.
 * A command is `number:label`; one without a label is `number:born`.
 */
export class Names {
  readonly devices: readonly string[];
  private readonly integers: boolean;
  private readonly labels = new Map<string, string>();
  private readonly commands = new Map<string, Command>();

  constructor(devices: readonly string[], integers: boolean) {
    this.devices = devices;
    this.integers = integers;
  }

  device(name: string): Device {
    const index = this.devices.indexOf(name);
    if (index < 0) throw new Error(`no device ${name}`);
    return index;
  }

  name(device: Device): string {
    return this.devices[device] ?? `?${device}`;
  }

  parseBallot(text: string): Ballot {
    const found = /^(\d+)([A-Za-z]*)$/.exec(text);
    if (found === null) throw new Error(`no ballot: ${text}`);
    const [, round, owner] = found;
    if (owner === '') return Number(round);
    return ballotOf(Number(round), this.device(owner as string), this.devices.length);
  }

  ballot(ballot: Ballot): string {
    if (this.integers || ballot === 0) return String(ballot);
    const count = this.devices.length;
    return `${Math.floor(ballot / count)}${this.name(ballot % count)}`;
  }

  /** A second command of the same name gets a prime: the name is the story's, identity is (born, number). */
  label(command: Command, wanted: string): void {
    const id = `${command.born}@${command.number}`;
    if (this.labels.has(id)) return;
    let label = wanted;
    while (this.commands.has(label)) label += "'";
    this.labels.set(id, label);
    this.commands.set(label, command);
  }

  labelled(label: string): Command {
    const command = this.commands.get(label);
    if (command === undefined) throw new Error(`no command ${label}`);
    return command;
  }

  id(number: number, born: Ballot): string {
    return `${number}:${this.labels.get(`${born}@${number}`) ?? this.ballot(born)}`;
  }

  list(commands: readonly Command[]): string {
    return commands.map(({ number, born }) => this.id(number, born)).join(' ');
  }

  ranges(ranges: readonly VotedRange[]): string {
    return ranges
      .map(({ first, last, born }) => {
        if (last - first > 8) return `${first}-${last}:${this.ballot(born)}`;
        const ids: string[] = [];
        for (let number = first; number <= last; number++) ids.push(this.id(number, born));
        return ids.join(' ');
      })
      .join(' ');
  }

  /** `2: 14E:a,27C:b; 3: 27C:c` */
  votes(votes: readonly Vote[]): string {
    const byNumber = new Map<number, string[]>();
    for (const { ballot, command } of [...votes].sort(
      (a, b) => a.command.number - b.command.number || a.ballot - b.ballot,
    )) {
      const label = this.id(command.number, command.born).split(':')[1];
      const held = byNumber.get(command.number) ?? [];
      held.push(`${this.ballot(ballot)}:${label}`);
      byNumber.set(command.number, held);
    }
    return [...byNumber].map(([number, held]) => `${number}: ${held.join(',')}`).join('; ');
  }

  message(message: Message): string {
    const { kind } = message;
    switch (message.kind) {
      case 'next-ballot':
        return `${kind} ${this.ballot(message.ballot)} from ${message.from}`;
      case 'ballot-info':
        return `${kind} ${this.ballot(message.ballot)} ${this.info(message)}`;
      case 'my-next-bal':
        return `${kind} ${this.ballot(message.ballot)}`;
      case 'begin-ballot':
        return `${kind} ${this.ballot(message.ballot)} ${this.list(message.commands)}`;
      case 'voted':
        return `${kind} ${this.ballot(message.ballot)} ${this.ranges(message.ranges)}`;
      case 'success':
        return `${kind} ${this.ranges(message.ranges)}`;
      case 'catch-up':
        return `${kind} from ${message.from}`;
      case 'issued':
        return `${kind} upTo ${message.upTo} ${this.list(message.commands)}`.trimEnd();
      case 'heartbeat':
        return `${kind} ${this.ballot(message.ballot)} upTo ${message.upTo}${message.rest ? ' rest' : ''}`;
      case 'heartbeat-ack': {
        const text = `${kind} ${this.ballot(message.ballot)} nextBal ${this.ballot(message.nextBal)} upTo ${message.upTo}`;
        return message.rest ? `${text} rest` : text;
      }
      case 'pre-vote':
        return `${kind} round ${message.round} upTo ${message.upTo}`;
      case 'pre-vote-answer':
        return `${kind} round ${message.round} ${message.granted ? 'granted' : 'refused'}`;
      case 'take-over':
        return `${kind} ${this.ballot(message.ballot)}`;
    }
  }

  info({ upTo, issued, votes, page, pages }: Extract<Message, { kind: 'ballot-info' }>): string {
    const parts = [`upTo ${upTo}`];
    if (issued.length > 0) parts.push(`issued ${this.list(issued)}`);
    parts.push(votes.length > 0 ? `votes ${this.votes(votes)}` : 'no votes');
    if (pages > 1) parts.push(`page ${page + 1}/${pages}`);
    return parts.join(', ');
  }
}

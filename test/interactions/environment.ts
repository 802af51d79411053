import { DEFAULT_TIMING } from '../../server/consensus/timing.ts';
import type {
  Ballot,
  Command,
  ConsensusConfig,
  Device,
  Message,
  Vote,
  VotedRange,
} from '../../server/consensus/types.ts';
import { StoryDevice, type Teller } from './device.ts';
import { Names } from './names.ts';

interface Packet {
  readonly from: Device;
  readonly to: Device;
  readonly message: Message;
  readonly text: string;
}

/** Not shown and not delivered unless the story asks for them: most stories are about agreement. */
const LEADERSHIP = new Set(['heartbeat', 'heartbeat-ack', 'pre-vote', 'pre-vote-answer', 'take-over']);

const STEPS = 10_000;

/**
 * A handful of devices and what is on its way between them. Nothing moves unless the story says so, except that a disk which is not
 * slow writes at once, and that a device's messages to itself arrive at once.
 *
 *   devices A,B,C [voting=leader] [window=8] [weights=2,1,1] [tail=…] [bytes=…] [ballots=integers] [show=warehouse] [heartbeats=on]
 *   commands a=2D@1 b=5E@2<a            names commands that stories start with
 *   given A lastTried=… nextBal=… log=a votes=27C:b,29E:c     starts a device from this stable storage
 *   lead A [round=2] [quorum=A,B,C]     with quorum: its NextBallot reaches exactly these, and their answers come back
 *   propose A b c · ask q->p f inbound A 500 · run p f g
 *   deliver A->B begin-ballot 3 [keep] · deliver A->* · deliver all · drop …   (words must all occur in the message)
 *   inject A->B voted 5A a 5A@2-1 …      a message that no device sent; `issued a!`: a with other content; `spread=3`: 3, 5, 7
 *   inject A->B heartbeat 5A upTo=1 born=3A · inject A->B ballot-info 5A 3B:a upTo=0 page=0 pages=1
 *   force A 5A a b                       proposes these in 5A, whatever they are
 *   disk A slow|fast · flush A [count] · crash A · restart A [window=1] · step-down A · confirm A 7 · confirm A 1 9 · hand-over A->B
 *   link A-B down|up · tick 5 · tick 40 rest 7 (seven ticks, each a heartbeat, and nothing to do) · wake A
 *   silent A-B on|off    A hears nothing of B's device, or hears it again · show [A B] · messages
 */
export class Environment implements Teller {
  private names = new Names([], false);
  private devices: StoryDevice[] = [];
  private packets: Packet[] = [];
  private lines: string[] = [];
  private sent: Packet[] = [];
  private warehouse = false;
  private heartbeats = false;
  private now = 0;

  /** Carries one command out; returns what it printed. */
  run(command: string): string[] {
    this.lines = [];
    this.sent = [];
    const [verb, ...words] = command.trim().split(/\s+/);
    this.verb(verb as string, words);
    this.flushSent();
    return this.lines;
  }

  line(text: string): void {
    this.flushSent();
    this.lines.push(text);
  }

  post(from: Device, to: Device, message: Message): void {
    if (!this.heartbeats && LEADERSHIP.has(message.kind)) return;
    const packet = { from, to, message, text: this.names.message(message) };
    if (from === to) {
      this.selfish.push(packet);
      return;
    }
    this.sent.push(packet);
    this.packets.push(packet);
  }

  /** Messages of devices to themselves, waiting for the running step to end. */
  private selfish: Packet[] = [];

  /** Prints what was sent since the last line: equal texts of one sender together. */
  private flushSent(): void {
    const groups = new Map<string, { readonly packet: Packet; readonly to: string[] }>();
    for (const packet of this.sent) {
      const key = `${packet.from} ${packet.text}`;
      const group = groups.get(key) ?? { packet, to: [] };
      group.to.push(this.names.name(packet.to));
      groups.set(key, group);
    }
    this.sent = [];
    for (const { packet, to } of groups.values())
      this.lines.push(`  ${this.names.name(packet.from)}->${to.join()} ${packet.text}`);
  }

  private verb(verb: string, words: string[]): void {
    const verbs: Record<string, () => void> = {
      devices: () => this.setUp(words),
      commands: () => this.nameCommands(words),
      given: () => this.given(words),
      lead: () => this.lead(words),
      propose: () => this.device(words[0]).propose(words.slice(1)),
      force: () =>
        this.device(words[0]).force(
          this.names.parseBallot(words[1] as string),
          words.slice(2).map((label) => this.forged(label)),
        ),
      ask: () => this.ask(words),
      run: () => this.device(words[0]).run(words.slice(1)),
      deliver: () => this.deliver(words),
      drop: () => this.drop(words),
      inject: () => this.inject(words),
      disk: () => this.setDisk(words),
      flush: () => this.device(words[0]).flush(words[1] === undefined ? undefined : Number(words[1])),
      crash: () => this.device(words[0]).crash(),
      restart: () => this.device(words[0]).restart(configChange(words.slice(1))),
      'step-down': () => this.device(words[0]).input({ kind: 'step-down' }),
      confirm: () => this.confirm(words),
      'hand-over': () => this.handOver(words),
      link: () => this.link(words),
      silent: () => this.silent(words),
      wake: () => this.device(words[0]).input({ kind: 'wake' }),
      tick: () => this.tick(Number(words[0]), words[1] === 'rest', Number(words[2] ?? 1)),
      show: () => this.show(words),
      messages: () => this.show(['-']),
    };
    const action = verbs[verb];
    if (action === undefined) throw new Error(`no such verb: ${verb}`);
    action();
    this.deliverSelfish();
  }

  private deliverSelfish(): void {
    for (let step = 0; this.selfish.length > 0; step++) {
      if (step > STEPS) throw new Error('messages to itself without end');
      const { from, to, message } = this.selfish.shift()!;
      this.devices[to]!.input({ kind: 'message', from, message });
    }
  }

  private device(name: string | undefined): StoryDevice {
    return this.devices[this.names.device(name ?? '')]!;
  }

  private setUp([list, ...options]: string[]): void {
    const names = (list ?? '').split(',');
    const given = optionsOf(options);
    this.names = new Names(names, given.get('ballots') === 'integers');
    this.warehouse = given.get('show') === 'warehouse';
    this.heartbeats = given.get('heartbeats') === 'on';
    this.packets = [];
    this.now = 0;
    const count = names.length;
    this.devices = names.map((_, self) => {
      const config: ConsensusConfig = {
        devices: count,
        self,
        weights: new Array<number>(count).fill(1),
        window: 8,
        voting: 'all',
        tailCommands: 1_000,
        messageBytes: 65_536,
        seed: self + 1,
        timing: DEFAULT_TIMING,
        ranks: names.map((_name, device) => device),
        ...configChange(options),
      };
      return new StoryDevice(config, this.names, this);
    });
  }

  /** `b=5E@2<a`: created in ballot 5E, number 2, precedent a. */
  private nameCommands(words: readonly string[]): void {
    for (const word of words) {
      const [label, rest] = split(word, '=');
      const [id, before] = rest.includes('<') ? split(rest, '<') : [rest, undefined];
      const [born, number] = split(id, '@');
      const precedent = before === undefined ? 0 : this.names.labelled(before).born;
      this.names.label(
        {
          number: Number(number),
          born: this.names.parseBallot(born),
          precedent,
          bytes: new TextEncoder().encode(label),
        },
        label,
      );
    }
  }

  private given([name, ...options]: string[]): void {
    const device = this.device(name);
    const given = optionsOf(options);
    const votes = (given.get('votes') ?? '')
      .split(',')
      .filter(Boolean)
      .map((text) => this.parseVote(text));
    const log = (given.get('log') ?? '')
      .split(',')
      .filter(Boolean)
      .map((label) => this.names.labelled(label));
    let nextBal = Math.max(0, ...votes.map(({ ballot }) => ballot));
    if (given.has('nextBal')) nextBal = this.names.parseBallot(given.get('nextBal')!);
    const lastTried = this.names.parseBallot(given.get('lastTried') ?? '0');
    const { disk } = device;
    disk.lastTried = lastTried;
    disk.nextBal = nextBal;
    disk.log.splice(0, disk.log.length, ...log);
    disk.votes.clear();
    for (const vote of votes) {
      const { number, born } = vote.command;
      disk.votes.set(number, (disk.votes.get(number) ?? new Map<number, Vote>()).set(born, vote));
    }
    device.restart();
  }

  private parseVote(text: string): Vote {
    const [ballot, label] = split(text, ':');
    return { ballot: this.names.parseBallot(ballot), command: this.names.labelled(label) };
  }

  private lead([name, ...options]: string[]): void {
    const given = optionsOf(options);
    const round = given.get('round');
    const leader = this.device(name);
    leader.input({ kind: 'lead', ...(round === undefined ? {} : { round: Number(round) }) });
    const quorum = given.get('quorum');
    if (quorum === undefined) return;
    // Its own answer is one of the quorum's, or comes too late like the others'.
    const members = quorum.split(',').map((member) => this.names.device(member));
    const self = leader.config.self;
    if (!members.includes(self)) throw new Error('a leader answers its own NextBallot');
    for (const { text, message } of this.selfish)
      if (message.kind === 'ballot-info')
        this.line(`${name} answers ${text.replace(/^ballot-info \S+ /, '')}`);
    this.deliverSelfish();
    const asked = this.packets.filter(({ from, message }) => from === self && message.kind === 'next-ballot');
    this.packets = this.packets.filter((packet) => !asked.includes(packet));
    this.sent = [];
    for (const packet of asked) if (members.includes(packet.to)) this.arrive(packet);
    const answers = this.packets.filter(
      ({ to, message }) =>
        to === self &&
        message.kind === 'ballot-info' &&
        asked.some((ask) => sameBallot(ask.message, message)),
    );
    this.packets = this.packets.filter((packet) => !answers.includes(packet));
    this.sent = this.sent.filter((packet) => !answers.includes(packet));
    for (const packet of answers) {
      this.line(`${this.names.name(packet.from)} answers ${packet.text.replace(/^ballot-info \S+ /, '')}`);
      this.arrive(packet);
    }
  }

  private arrive({ from, to, message }: Packet): void {
    this.devices[to]!.input({ kind: 'message', from, message });
    this.deliverSelfish();
  }

  private ask([route, request, ...words]: string[]): void {
    const [, to] = split(route as string, '->');
    this.device(to).ask(request as string, words);
  }

  private deliver(words: readonly string[]): void {
    if (words[0] === 'all') {
      for (let step = 0; this.packets.length > 0; step++) {
        if (step > STEPS) throw new Error('messages without end');
        this.arrive(this.packets.shift()!);
      }
      return;
    }
    const keep = words.at(-1) === 'keep';
    const chosen = this.choose(keep ? words.slice(0, -1) : words);
    if (!keep) this.packets = this.packets.filter((packet) => !chosen.includes(packet));
    for (const packet of chosen) this.arrive(packet);
  }

  private drop(words: readonly string[]): void {
    const chosen = words[0] === 'all' ? this.packets : this.choose(words);
    this.packets = this.packets.filter((packet) => !chosen.includes(packet));
  }

  /** What is on its way on this route (`*`: any device) and contains all of these words; exact routes mean the oldest only. */
  private choose([route, ...words]: readonly string[]): Packet[] {
    const [from, to] = split(route as string, '->');
    const found = this.packets.filter(
      (packet) =>
        (from === '*' || packet.from === this.names.device(from)) &&
        (to === '*' || packet.to === this.names.device(to)) &&
        words.every((word) => ` ${packet.text} `.includes(` ${word}`)),
    );
    if (found.length === 0) throw new Error(`nothing like that on its way: ${[route, ...words].join(' ')}`);
    return from === '*' || to === '*' ? found : found.slice(0, 1);
  }

  private inject([route, kind, ...words]: string[]): void {
    const [from, to] = split(route as string, '->');
    const [first, ...rest] = words;
    const facts = kind === 'success' || kind === 'issued';
    const named = (facts ? words : rest).filter((word) => !word.includes('='));
    const given = optionsOf((facts ? words : rest).filter((word) => word.includes('=')));
    const number = (name: string, otherwise: number) => Number(given.get(name) ?? otherwise);
    const ballot = (): number => this.names.parseBallot(first as string);
    const commands = () => named.map((label) => this.forged(label));
    const ranges = () => [
      ...named.map((word) => this.range(word)),
      ...everyOther(number('spread', 0), given.has('spread') ? ballot() : 0),
    ];
    const made: Record<string, () => Message> = {
      'begin-ballot': () => ({ kind: 'begin-ballot', ballot: ballot(), commands: commands() }),
      voted: () => ({ kind: 'voted', ballot: ballot(), ranges: ranges() }),
      success: () => ({ kind: 'success', ranges: ranges() }),
      issued: () => ({ kind: 'issued', upTo: commands().at(-1)?.number ?? 0, commands: commands() }),
      'next-ballot': () => ({ kind: 'next-ballot', ballot: ballot(), from: Number(rest[0] ?? 1) }),
      'catch-up': () => ({ kind: 'catch-up', from: Number(first), max: 100 }),
      'my-next-bal': () => ({ kind: 'my-next-bal', ballot: ballot() }),
      'take-over': () => ({ kind: 'take-over', ballot: ballot() }),
      'heartbeat-ack': () => ({
        ...{ kind: 'heartbeat-ack', ballot: ballot(), nextBal: ballot(), upTo: number('upTo', 0) },
        ...{ sequence: number('sequence', 1), rest: number('rest', 0) === 1 },
      }),
      heartbeat: () => ({
        ...{ kind: 'heartbeat', ballot: ballot(), upTo: number('upTo', 0), sequence: 1 },
        rest: number('rest', 0) === 1,
        born: this.names.parseBallot(given.get('born') ?? '0'),
      }),
      'ballot-info': () => ({
        ...{ kind: 'ballot-info', ballot: ballot(), upTo: number('upTo', 0), issued: [], info: 1 },
        born: this.names.parseBallot(given.get('born') ?? '0'),
        votes: named.map((text) => this.parseVote(text)),
        ...{ page: number('page', 0), pages: number('pages', 1) },
      }),
    };
    const message = made[kind as string]?.();
    if (message === undefined) throw new Error(`cannot inject ${kind}`);
    this.arrive({ from: this.names.device(from), to: this.names.device(to), message, text: '' });
  }

  /** A command by its label; `a!` is one that says it is `a` and holds something else. */
  private forged(label: string): Command {
    if (!label.endsWith('!')) return this.names.labelled(label);
    return { ...this.names.labelled(label.slice(0, -1)), bytes: new TextEncoder().encode(label) };
  }

  /** `a`, or `5A@2-1` for what is no command at all. */
  private range(word: string): VotedRange {
    const literal = /^(\w+)@(\d+)-(\d+)$/.exec(word);
    if (literal !== null) {
      const [, born, first, last] = literal;
      return { first: Number(first), last: Number(last), born: this.names.parseBallot(born!) };
    }
    const { number, born } = this.names.labelled(word);
    return { first: number, last: number, born };
  }

  private setDisk([name, speed]: string[]): void {
    const device = this.device(name);
    device.slow = speed === 'slow';
    if (!device.slow) device.flush();
  }

  private confirm([name, from, to = from]: readonly string[]): void {
    for (let token = Number(from); token <= Number(to); token++)
      this.device(name).input({ kind: 'confirm', token });
  }

  private handOver([route]: string[]): void {
    const [from, to] = split(route as string, '->');
    this.device(from).input({ kind: 'hand-over', to: this.names.device(to) });
  }

  private link([pair, state]: string[]): void {
    const [one, other] = split(pair as string, '-').map((name) => this.device(name)) as [
      StoryDevice,
      StoryDevice,
    ];
    one.input({ kind: 'link', device: other.config.self, up: state === 'up' });
    other.input({ kind: 'link', device: one.config.self, up: state === 'up' });
  }

  private silent([pair, state]: string[]): void {
    const [hearer, other] = split(pair as string, '-').map((name) => this.device(name)) as [
      StoryDevice,
      StoryDevice,
    ];
    hearer.input({ kind: 'silent', device: other.config.self, silent: state === 'on' });
  }

  /** With `rest` the hosts have nothing to do; then what is sent in all ticks but the last arrives before the next. */
  private tick(ms: number, rest: boolean, times: number): void {
    for (let tick = 1; tick <= times; tick++) {
      this.now += ms;
      for (const device of this.devices)
        device.input({ kind: 'tick', now: this.now, ...(rest ? { rest } : {}) });
      if (tick === times) return;
      this.sent = [];
      this.deliver(['all']);
      this.sent = [];
    }
  }

  private show(words: readonly string[]): void {
    if (words[0] === '-') {
      for (const { from, to, text } of this.packets)
        this.lines.push(`  ${this.names.name(from)}->${this.names.name(to)} ${text}`);
      return;
    }
    const shown = words.length === 0 ? this.devices : words.map((name) => this.device(name));
    for (const device of shown) this.lines.push(...device.show(this.warehouse));
  }
}

/** The numbers 3, 5, 7 …, so many of them, each a range of its own. */
function everyOther(count: number, born: Ballot): VotedRange[] {
  return Array.from({ length: count }, (_, index) => ({ first: 2 * index + 3, last: 2 * index + 3, born }));
}

function sameBallot(ask: Message, answer: Message): boolean {
  return 'ballot' in ask && 'ballot' in answer && ask.ballot === answer.ballot;
}

function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  if (at < 0) throw new Error(`${text}: no ${separator}`);
  return [text.slice(0, at), text.slice(at + separator.length)];
}

function optionsOf(words: readonly string[]): Map<string, string> {
  return new Map(words.map((word) => split(word, '=')));
}

function configChange(words: readonly string[]): Partial<ConsensusConfig> {
  const given = optionsOf(words);
  const voting = given.get('voting');
  return {
    ...(given.has('window') ? { window: Number(given.get('window')) } : {}),
    ...(given.has('tail') ? { tailCommands: Number(given.get('tail')) } : {}),
    ...(given.has('bytes') ? { messageBytes: Number(given.get('bytes')) } : {}),
    ...(given.has('weights') ? { weights: given.get('weights')!.split(',').map(Number) } : {}),
    ...(given.has('ranks') ? { ranks: given.get('ranks')!.split(',').map(Number) } : {}),
    ...(voting === 'all' || voting === 'leader' ? { voting } : {}),
  };
}

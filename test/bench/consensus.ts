/**
 * Cost of agreement per command and device, without disk, network or encoding: three cores in one process hand each other their
 * messages. Run: `npx tsx test/bench/consensus.ts [batch] [voting]`; JSON on the last line.
 */
import { Consensus } from '../../server/consensus/consensus.ts';
import { OutputGate } from '../../server/consensus/output-gate.ts';
import { DEFAULT_TIMING } from '../../server/consensus/timing.ts';
import type { Ballot, Command, Device, Input, Message } from '../../server/consensus/types.ts';

const DEVICES = 3;
const WINDOW = 4_096;
const PAYLOAD = new Uint8Array(200);

interface Packet {
  readonly from: Device;
  readonly to: Device;
  readonly message: Message;
}

class Bench {
  private readonly cores: Consensus[];
  private readonly gates: OutputGate[];
  private packets: Packet[] = [];
  private readonly writes: number[] = new Array<number>(DEVICES).fill(0);
  readonly issued: number[] = new Array<number>(DEVICES).fill(0);
  messages = 0;
  writeCount = 0;
  ballot: Ballot = 0;
  private now = 0;

  constructor(voting: 'all' | 'leader') {
    this.cores = Array.from(
      { length: DEVICES },
      (_, self) =>
        new Consensus(
          {
            devices: DEVICES,
            self,
            weights: [1, 1, 1],
            window: WINDOW,
            voting,
            tailCommands: 10_000,
            messageBytes: 256 * 1024,
            seed: self + 1,
            timing: DEFAULT_TIMING,
            ranks: [0, 1, 2],
          },
          { lastTried: 0, nextBal: 0, upTo: 0, born: 0, votes: [], tail: [] },
        ),
    );
    this.gates = this.cores.map(() => new OutputGate());
    this.input(0, { kind: 'lead' });
    this.settle();
  }

  input(device: Device, input: Input): void {
    const { write, sends, issued, activated } = this.cores[device]!.step(input);
    this.issued[device]! += issued.length;
    if (activated !== undefined) this.ballot = activated.ballot;
    if (write !== undefined) {
      this.writes[device] = write.write;
      this.writeCount++;
    }
    this.transmit(device, this.gates[device]!.add(sends));
  }

  /** Flushes and delivers until all is quiet. */
  settle(): void {
    for (;;) {
      for (let device = 0; device < DEVICES; device++)
        this.transmit(device, this.gates[device]!.persisted(this.writes[device]!));
      if (this.packets.length === 0) return;
      const packets = this.packets;
      this.packets = [];
      this.messages += packets.length;
      for (const { from, to, message } of packets) this.input(to, { kind: 'message', from, message });
    }
  }

  tick(): void {
    this.now += 5;
    for (let device = 0; device < DEVICES; device++) this.input(device, { kind: 'tick', now: this.now });
    this.settle();
  }

  private transmit(from: Device, sends: readonly { readonly to: Device; readonly message: Message }[]): void {
    for (const { to, message } of sends) this.packets.push({ from, to, message });
  }
}

function benchConsensus(batch: number, voting: 'all' | 'leader', total = 2_000_000) {
  const bench = new Bench(voting);
  const rounds = Math.ceil(total / batch);
  let number = 0;
  let precedent: Ballot = 0;
  const run = (count: number): number => {
    const start = process.cpuUsage();
    for (let round = 0; round < count; round++) {
      const commands: Command[] = [];
      for (let index = 0; index < batch; index++) {
        number += 1;
        commands.push({ number, born: bench.ballot, precedent, bytes: PAYLOAD });
        precedent = bench.ballot;
      }
      bench.input(0, { kind: 'propose', ballot: bench.ballot, commands });
      bench.settle();
      if (round % 64 === 0) bench.tick();
    }
    // Processor time, collector included: other load on the machine does not count.
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1_000;
  };
  run(Math.ceil(rounds / 4));
  const before = { messages: bench.messages, writes: bench.writeCount, number };
  const ms = run(rounds);
  const commands = number - before.number;
  if (bench.issued.some((issued) => issued !== number))
    throw new Error('not everything was issued everywhere');
  return {
    batch,
    voting,
    commands,
    nsPerCommandAndDevice: Math.round((ms * 1e6) / commands / DEVICES),
    messagesPerBatch: +((bench.messages - before.messages) / rounds).toFixed(2),
    writesPerBatch: +((bench.writeCount - before.writes) / rounds).toFixed(2),
    heapMB: Math.round(process.memoryUsage().heapUsed / 2 ** 20),
  };
}

export function consensus(): object {
  const results = (['all', 'leader'] as const).flatMap((voting) =>
    [1, 10, 100, 1_000].map((batch) => benchConsensus(batch, voting, batch === 1 ? 200_000 : 2_000_000)),
  );
  for (const result of results) console.log(JSON.stringify(result));
  return { results };
}

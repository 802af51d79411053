/**
 * Writes until it is killed, and says on standard output, without buffering, what was promised: `open` with what the
 * store held, `done N` once numbers up to N are durable. Everything is written to two worlds in one turn, and so in one
 * group, of which a crash must leave both parts or none. Arguments: folder.
 */
import { writeSync } from 'node:fs';
import type { Write } from '../../server/consensus/types.ts';
import { openDataFolder } from '../../server/storage/identity.ts';
import { openLevelStore } from '../../server/storage/level-store.ts';
import { command, commands, showCommands, showDurable } from './model.ts';

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function main(): Promise<void> {
  const folder = await openDataFolder(process.argv[2]!, { cluster: 'c1', region: 'eu' });
  const store = await openLevelStore(folder);
  const storage = store.world('arena', 1);
  const durable = await storage.open();
  const twin = store.world('twin', 1);
  const same = JSON.stringify(showDurable(await twin.open())) === JSON.stringify(showDurable(durable));
  const voted = Math.max(durable.upTo, ...durable.votes.map((vote) => vote.command.number));
  const log = await storage.read(1, durable.upTo, 1 << 30);
  const expected = commands(1, durable.upTo, 3, 0, 100);
  const open = commands(durable.upTo + 1, voted, 3, durable.upTo === 0 ? 0 : 3, 100);
  const whole =
    same &&
    JSON.stringify(showCommands(log)) === JSON.stringify(showCommands(expected)) &&
    JSON.stringify(showCommands(durable.votes.map((vote) => vote.command)).sort()) ===
      JSON.stringify(showCommands(open).sort());
  say(`open ${voted} ${durable.nextBal} ${whole}`);
  let next = voted;
  let write = 0;
  const flow = async (lane: number): Promise<never> => {
    for (;;) {
      const first = next + 1;
      next += 1 + (first % 9) * lane;
      const last = next;
      const votes = [];
      for (let n = first; n <= last; n++) votes.push(command(n, 3, n === 1 ? 0 : 3, 100));
      const parts: Write = { write: ++write, votes: { ballot: 3, commands: votes } };
      const upTo = Math.max(durable.upTo, first - 20);
      const mark = upTo > 0 ? { issued: { upTo, born: 3 } } : {};
      const ballot = durable.nextBal + write;
      const writes = [{ ...parts, ...mark, ballots: { lastTried: 0, nextBal: ballot } }];
      await Promise.all([storage.append(writes), twin.append(writes)]);
      say(`done ${last} ${ballot}`);
    }
  };
  await Promise.all([flow(0), flow(1), flow(2)]);
}

main().catch((error: unknown) => {
  say(`failed ${String(error)}`);
  process.exit(1);
});

/** Who plays: kinds by weight, drawn so that the shares are exact and a seed gives the same people again. Pure. */
import { seeded } from './random.ts';
import { scripts, USUAL_MIX } from './scripts/index.ts';

export interface Share {
  readonly kind: string;
  readonly weight: number;
}

/** `walker=6,fighter=3`; a name alone has weight 1. Throws an Error with words for the user. */
export function parseMix(text: string | undefined, world: string): Share[] {
  const shares = (text ?? USUAL_MIX[world] ?? 'idle=1').split(',').map((part): Share => {
    const [kind = '', weight = '1', ...rest] = part.trim().split('=');
    const script = scripts.get(kind);
    if (script === undefined || rest.length > 0)
      throw new Error(`mix: '${part}' is none of ${[...scripts.keys()].join(', ')}, with a weight`);
    if (!script.worlds.includes(world)) throw new Error(`mix: a ${kind} cannot play in the world ${world}`);
    if (!/^[0-9]+(\.[0-9]+)?$/.test(weight)) throw new Error(`mix: '${weight}' is no weight`);
    return { kind, weight: Number(weight) };
  });
  if (shares.every(({ weight }) => weight === 0)) throw new Error('mix: somebody must play');
  return shares;
}

/** A kind for each bot: the largest shares are rounded first, then all are shuffled by the seed. */
export function populate(shares: readonly Share[], bots: number, seed: number): string[] {
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  const exact = shares.map(({ kind, weight }) => ({ kind, wanted: (weight / total) * bots }));
  const people = exact.flatMap(({ kind, wanted }) => new Array<string>(Math.floor(wanted)).fill(kind));
  const rests = exact.toSorted((a, b) => (b.wanted % 1) - (a.wanted % 1));
  for (let at = 0; people.length < bots; at++)
    people.push((rests[at % rests.length] as { kind: string }).kind);
  const random = seeded(seed, 'people');
  for (let at = people.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [people[at], people[other]] = [people[other] as string, people[at] as string];
  }
  return people;
}

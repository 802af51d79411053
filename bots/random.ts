/** Dice that fall the same way again for the same seed, and the distribution of a market with few favourites. */

export type Random = () => number;

/** Uniform in [0, 1). Different `stream` texts give independent dice of one seed. */
export function seeded(seed: number, stream: string): Random {
  let state = seed >>> 0;
  for (let at = 0; at < stream.length; at++)
    state = mix(state ^ Math.imul(stream.charCodeAt(at) + at, 0x9e3779b1));
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    return mix(state) / 4_294_967_296;
  };
}

function mix(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return (mixed ^ (mixed >>> 14)) >>> 0;
}

/** Draws 0 to `count` - 1, the n-th with weight 1 / n^skew; skew 0 is uniform, about 1 is a market, 2 is a crush. */
export function zipf(count: number, skew: number): (random: Random) => number {
  const upTo: number[] = [];
  let total = 0;
  for (let rank = 1; rank <= count; rank++) {
    total += rank ** -skew;
    upTo.push(total);
  }
  return (random) => {
    const wanted = random() * total;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] as number) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

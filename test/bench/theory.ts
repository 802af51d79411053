/**
 * How long a command takes between regions, from the delays alone: no flush, no queue, no processor. Pure. Times in the unit of the delays;
 * `oneWay[a][b]` from a to b, 0 to itself; any majority of the regions decides.
 */
export interface Route {
  readonly oneWay: readonly (readonly number[])[];
  readonly leader: number;
  /** Region of the client that acts, and of the one that looks. */
  readonly from: number;
  readonly to: number;
}

const between = (oneWay: Route['oneWay'], a: number, b: number): number => oneWay[a]?.[b] ?? Number.NaN;

/** The time by which the `count` earliest have come. */
const nth = (times: readonly number[], count: number): number =>
  [...times].sort((a, b) => a - b)[count - 1] ?? Number.NaN;

const majority = (regions: number): number => Math.floor(regions / 2) + 1;

/**
 * Claim 3, votes go to everybody: act to leader, command to all, each vote to `to`. It knows once it has the command and a majority's votes.
 */
export function votesToAll({ oneWay, leader, from, to }: Route): number {
  const made = between(oneWay, from, leader);
  const votes = oneWay.map((_, voter) => made + between(oneWay, leader, voter) + between(oneWay, voter, to));
  return Math.max(made + between(oneWay, leader, to), nth(votes, majority(oneWay.length)));
}

/** Claim 2, votes go to the leader, who counts them and tells everybody. */
export function votesToLeader({ oneWay, leader, from, to }: Route): number {
  const made = between(oneWay, from, leader);
  const votes = oneWay.map(
    (_, voter) => made + between(oneWay, leader, voter) + between(oneWay, voter, leader),
  );
  return nth(votes, majority(oneWay.length)) + between(oneWay, leader, to);
}

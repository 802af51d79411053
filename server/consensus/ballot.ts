import type { Ballot, Device } from './types.ts';

/** A ballot is round * devices + owner, so that each has one owner and all are ordered (B1, [0048]). */
export function ballotOf(round: number, owner: Device, devices: number): Ballot {
  return round * devices + owner;
}

export function ownerOf(ballot: Ballot, devices: number): Device {
  return ballot % devices;
}

export function roundOf(ballot: Ballot, devices: number): number {
  return Math.floor(ballot / devices);
}

/** The least ballot of `owner` above `floor`; rounds start at 1 (R1, A41). */
export function leastAbove(floor: Ballot, owner: Device, devices: number): Ballot {
  const round = Math.max(1, roundOf(floor, devices));
  const ballot = ballotOf(round, owner, devices);
  return ballot > floor ? ballot : ballotOf(round + 1, owner, devices);
}

import type { Device } from '../../../server/consensus/types.ts';
import type { Choices } from '../choices.ts';
import type { Fault } from './profile.ts';

/** What the nemesis may do to a running cluster. Times in simulated milliseconds. */
export interface Victim {
  readonly devices: number;
  crash(device: Device, downFor: number): void;
  /** The process dies after this many more effects. */
  fuse(device: Device, effects: number, downFor: number): void;
  /** Shuts one direction; `told`: the ends notice that their connection closed. */
  cut(from: Device, to: Device, time: number, told: boolean): void;
  pause(device: Device, time: number): void;
  slowDisk(device: Device, factor: number, time: number): void;
  /** The device's clock jumps forward and runs at another rate from now on. */
  clock(device: Device, jump: number, rate: number): void;
  mute(device: Device, time: number): void;
  handOver(to: Device): void;
  lead(device: Device): void;
  stepDown(device: Device): void;
  storm(loss: number, time: number): void;
}

/** Strikes once; returns one line that says what was done. `calm` is the mean time between strikes. */
export function strike(choices: Choices, fault: Fault, victim: Victim, calm: number): string {
  const device = choices.below(victim.devices);
  const time = 1 + choices.waiting(calm * choices.pick([0.3, 1, 3]));
  const told = choices.chance(0.5);
  const others = Array.from({ length: victim.devices }, (_, index) => index).filter(
    (index) => index !== device,
  );
  const other = others.length === 0 ? device : choices.pick(others);
  const both = (a: Device, b: Device) => {
    victim.cut(a, b, time, told);
    victim.cut(b, a, time, told);
  };
  switch (fault) {
    case 'crash':
      victim.crash(device, time);
      break;
    case 'fuse':
      victim.fuse(device, choices.below(12), time);
      break;
    case 'power-cut':
      for (let index = 0; index < victim.devices; index++) victim.crash(index, choices.waiting(time));
      break;
    case 'isolate':
      for (const peer of others) both(device, peer);
      break;
    case 'split': {
      const side = Array.from({ length: victim.devices }, () => choices.chance(0.5));
      for (let a = 0; a < victim.devices; a++)
        for (let b = 0; b < a; b++) if (side[a] !== side[b]) both(a, b);
      break;
    }
    case 'one-way':
      if (other !== device) victim.cut(device, other, time, false);
      break;
    case 'pair':
      if (other !== device) both(device, other);
      break;
    case 'flap':
      if (other !== device)
        for (let i = 0; i < 4; i++) victim.cut(device, other, choices.waiting(time / 4), told);
      break;
    case 'pause':
      victim.pause(device, time);
      break;
    case 'slow-disk':
      victim.slowDisk(device, choices.pick([5, 50, 500]), time);
      break;
    case 'clock':
      victim.clock(device, choices.waiting(calm), choices.pick([1, 0.9, 1.1, 0.5, 2]));
      break;
    case 'mute':
      victim.mute(device, time);
      break;
    case 'hand-over':
      victim.handOver(device);
      break;
    case 'lead':
      victim.lead(device);
      break;
    case 'step-down':
      victim.stepDown(device);
      break;
    case 'storm':
      victim.storm(choices.pick([0.2, 0.5, 0.9]), time);
      break;
  }
  return `${fault} ${device}${other === device ? '' : ` ${other}`} ${Math.round(time)} ms`;
}

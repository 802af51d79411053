import type { Write } from '../consensus/types.ts';
import type { PeerMessage } from '../links/types.ts';
import type { AppliedBatch } from '../world-service.ts';
import type { Answer, HostEffects, ReadAnswer, Stopped } from './types.ts';

/** The effects of one turn while they are gathered. */
export class EffectsInTheMaking {
  readonly writes: Write[] = [];
  readonly sends: { to: number; message: PeerMessage }[] = [];
  readonly answers: Answer[] = [];
  readonly reads: ReadAnswer[] = [];
  readonly serve: { to: number; from: number; max: number }[] = [];
  readonly alarms: string[] = [];
  applied: AppliedBatch | undefined;
  leader: HostEffects['leader'];
  more = false;

  take(stopped: Stopped | undefined): HostEffects {
    const { writes, sends, answers, reads, serve, alarms, applied, leader, more } = this;
    return { writes, sends, answers, reads, serve, alarms, applied, leader, more, stopped };
  }
}

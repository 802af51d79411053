/** Stream 'frames': what a flush holds as one frame of merged values, where that is shorter than the commands themselves. */
import { FrameWriter } from '../../game-logic/frame-write.ts';
import { readId } from '../../schemas/support/envelope.ts';
import type { WorldService } from '../world-service.ts';
import { mergedFrame } from './frames.ts';
import type { Merge } from './live-feed.ts';

/**
 * Merges for one feed. Commands go out as they are where they are shorter, where their frame would be too long for an outbox,
 * and where the replica has moved on since.
 */
export function merging(
  world: Pick<WorldService, 'state'>,
  mostBytes: number,
  fault: (cause: unknown) => void,
): Merge {
  const writer = new FrameWriter();
  return (first, batches) => {
    const { state } = world;
    if (state.number !== batches.at(-1)?.last) return null;
    try {
      const { precedent } = readId((batches[0] as (typeof batches)[number]).batch);
      const runs = batches.map(({ changes }) => changes);
      const frame = mergedFrame(writer.write(first, precedent, runs, state));
      const whole = batches.reduce((bytes, { batch }) => bytes + batch.length, 0);
      return frame.length <= Math.min(whole, mostBytes) ? frame : null;
    } catch (cause) {
      fault(cause);
      return null;
    }
  };
}

import type { Message } from '../../server/consensus/types.ts';
import type { PeerMessage } from '../../server/links/types.ts';

const FOR_LEADER: ReadonlySet<string> = new Set(['execute', 'reply', 'read', 'hand-over', 'presence']);

/** True for what regions tell each other around consensus, not as a part of it. */
export function isForLeader(message: PeerMessage): message is Exclude<PeerMessage, Message> {
  return FOR_LEADER.has(message.kind);
}

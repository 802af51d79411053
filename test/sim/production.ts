/** Every door of the production code that the simulator opens. Mutants are this file, bundled with one text replaced. */
export { DEFAULT_LIMITS } from '../../client/limits.ts';
export { Link } from '../../client/link.ts';
export { LocalCopy } from '../../client/local-copy.ts';
export { Session } from '../../client/session.ts';
export { SnapshotParts } from '../../client/snapshot-parts.ts';
export { defineWorld } from '../../game-logic/define-world.ts';
export { LeaderState } from '../../game-logic/leader-state.ts';
export { encodeRows } from '../../game-logic/snapshot.ts';
export { WorldState } from '../../game-logic/state.ts';
export { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
export * as codec from '../../schemas/generated/client.ts';
export { PROTOCOL_VERSION } from '../../schemas/protocol-version.ts';
export { decodeEnvelope, joinBatch, splitBatch } from '../../schemas/support/envelope.ts';
export { SchemaError } from '../../schemas/support/errors.ts';
export { Consensus } from '../../server/consensus/consensus.ts';
export { issuedAt } from '../../server/consensus/issued-tail.ts';
export { at } from '../../server/consensus/numbered.ts';
export { OutputGate } from '../../server/consensus/output-gate.ts';
export { stepPaxos } from '../../server/consensus/paxos.ts';
export { clonePaxos, createPaxos, serialisePaxos } from '../../server/consensus/paxos-state.ts';
export { hasVoted } from '../../server/consensus/tally.ts';
export { decodePeer, encodePeer } from '../../server/links/codec.ts';
export { WorldHost } from '../../server/replica/world-host.ts';

/** The shape of this file, so that a mutated copy of it can stand in. */
export type Production = typeof import('./production.ts');

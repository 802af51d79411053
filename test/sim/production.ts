/** Every door of the production code that the simulator opens. Mutants are this file, bundled with one text replaced. */
export { Consensus } from '../../server/consensus/consensus.ts';
export { at } from '../../server/consensus/numbered.ts';
export { OutputGate } from '../../server/consensus/output-gate.ts';
export { stepPaxos } from '../../server/consensus/paxos.ts';
export { clonePaxos, createPaxos, serialisePaxos } from '../../server/consensus/paxos-state.ts';
export { hasVoted } from '../../server/consensus/tally.ts';

/** The shape of this file, so that a mutated copy of it can stand in. */
export type Production = typeof import('./production.ts');

/** What a hash of the system digest is of; keeps equal numbers of different things apart. */
export const HASH_KIND = { clock: 1, session: 2, answer: 3, timer: 4, name: 5 } as const;

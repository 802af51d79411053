/**
 * The version of the wire: command.fbs, client.fbs and peer.fbs together. Servers and clients of different versions
 * refuse each other by name instead of misreading each other's bytes.
 *
 * `wire` is the hash of the three schemas without comments and spaces; test/schemas/protocol-version.test.ts compares it.
 * A version that left the house keeps its line for ever; a change of the wire after that needs a new one.
 */
export const PROTOCOL_VERSIONS = [
  { version: 1, wire: '39f3405ab9fefc68', change: 'The first.' },
  { version: 2, wire: 'f4eb4da6f6d2a6be', change: 'Message 5, Frame: merged commands.' },
  { version: 3, wire: '732c52b1ff2761a8', change: 'Heartbeats propose rest, and their answers agree to it.' },
] as const;

/** What this code speaks: the last line. */
export const PROTOCOL_VERSION: number = PROTOCOL_VERSIONS[PROTOCOL_VERSIONS.length - 1]!.version;

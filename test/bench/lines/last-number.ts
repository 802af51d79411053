/** The field `last` of a Commands or a Frame message (schemas/client.fbs), read without decoding the rest. Pure. */

/** Both tables begin with first and last; a vtable's entries start behind its own size and the table's. */
const LAST_ENTRY = 4 + 2;

/** `at`: where the message begins in `bytes`. 0 where the field is absent, as FlatBuffers has it. */
export function lastNumber(bytes: Buffer, at: number): number {
  const root = at + bytes.readUInt32LE(at);
  const vtable = root - bytes.readInt32LE(root);
  const entry = bytes.readUInt16LE(vtable) > LAST_ENTRY ? bytes.readUInt16LE(vtable + LAST_ENTRY) : 0;
  if (entry === 0) return 0;
  return bytes.readUInt32LE(root + entry) + bytes.readUInt32LE(root + entry + 4) * 2 ** 32;
}

/**
 * The patent's example [0073]-[0078] as the smallest deterministic two-tier machine: amounts by warehouse. A function reads the
 * leader's state and returns the amounts to set, or null for a refusal; a command only sets.
 */
export type Amounts = Readonly<Record<string, number>>;

export const EMPTY_WAREHOUSE: Amounts = { A: 0, B: 0, C: 0 };

export function runFunction(words: readonly string[], state: Amounts): Amounts | null {
  const amount = Number(words.at(-1));
  const held = (name: string | undefined) => state[name ?? ''] ?? 0;
  const [kind, first, second] = words;
  if (kind === 'inbound' && first !== undefined) return { [first]: held(first) + amount };
  if (kind === 'transfer' && first !== undefined && second !== undefined)
    return held(first) < amount ? null : { [first]: held(first) - amount, [second]: held(second) + amount };
  throw new Error(`no such function: ${words.join(' ')}`);
}

export function encodeBody(body: Amounts): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(body));
}

export function applyBody(state: Amounts, bytes: Uint8Array): Amounts {
  // A command that only has a label, in stories without goods.
  if (bytes[0] !== 0x7b) return state;
  return { ...state, ...(JSON.parse(new TextDecoder().decode(bytes)) as Amounts) };
}

export function showAmounts(state: Amounts): string {
  return `{${Object.entries(state)
    .map(([name, amount]) => `${name}:${amount}`)
    .join(' ')}}`;
}

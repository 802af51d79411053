/** Bytes of TCP connections as `ss -tinH` tells them. Pure. */

/** Bytes sent and received so far by the accepting end of each connection, by its local port: both directions, each once. */
export function bytesByPort(text: string): Map<number, number> {
  const bytes = new Map<number, number>();
  let port = 0;
  for (const line of text.split('\n')) {
    // A connection's line, then an indented one with its figures.
    const local = /^\S*\s*\d+\s+\d+\s+\S+:(\d+)\s+\S+:\d+/.exec(line)?.[1];
    if (local !== undefined) port = Number(local);
    const sent = /\bbytes_sent:(\d+)/.exec(line)?.[1];
    const received = /\bbytes_received:(\d+)/.exec(line)?.[1];
    if (sent !== undefined || received !== undefined)
      bytes.set(port, (bytes.get(port) ?? 0) + Number(sent ?? 0) + Number(received ?? 0));
  }
  return bytes;
}

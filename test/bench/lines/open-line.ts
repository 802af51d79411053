/** Lines by what they speak. */
import { EtcdLine } from './etcd-line.ts';
import type { Endpoint, Line, LineKind } from './line.ts';
import { RedisLine } from './redis-line.ts';
import { WorldLine } from './world-line.ts';
import { ZooKeeperLine } from './zookeeper-line.ts';

const OPEN: { readonly [kind in LineKind]: (endpoint: Endpoint) => Promise<Line> } = {
  throughline: (endpoint) => WorldLine.open(endpoint),
  etcd: (endpoint) => EtcdLine.open(endpoint),
  zookeeper: (endpoint) => ZooKeeperLine.open(endpoint),
  redis: (endpoint) => RedisLine.open(endpoint, false),
  'redis-stream': (endpoint) => RedisLine.open(endpoint, true),
};

export const openLine = (kind: LineKind, endpoint: Endpoint): Promise<Line> => OPEN[kind](endpoint);

/** What must be there before the first write. */
export async function prepare(kind: LineKind, endpoint: Endpoint): Promise<void> {
  const line = await openLine(kind, endpoint);
  try {
    if (line instanceof WorldLine || line instanceof ZooKeeperLine) await line.prepare();
  } finally {
    line.close();
  }
}

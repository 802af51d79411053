/**
 * Which addresses the page connects to, and as whom. The servers come from `?servers=2567,2568` (ports of the page's own
 * host, or host:port), else from `page-config.json` beside the page ({"servers":["ws://…"]}), else it is the page's own
 * server alone. The page's own server always comes first: it is the one the visitor chose.
 */

export interface Place {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: string;
  readonly search: string;
}

const AT_MOST = 16;

/** WebSocket addresses, each once. What cannot be an address is left out. */
export function serversFrom(place: Place, configured: unknown): string[] {
  const scheme = place.protocol === 'https:' ? 'wss' : 'ws';
  const own = `${scheme}://${place.hostname}${place.port ? `:${place.port}` : ''}`;
  const asked = new URLSearchParams(place.search).get('servers');
  const named = asked !== null ? asked.split(',') : listed(configured);
  const found = [own];
  for (const name of named.slice(0, AT_MOST)) {
    const address = addressOf(name.trim(), scheme, place.hostname);
    if (address !== null && !found.includes(address)) found.push(address);
  }
  return found;
}

function listed(configured: unknown): string[] {
  if (typeof configured !== 'object' || configured === null || !('servers' in configured)) return [];
  const { servers } = configured;
  return Array.isArray(servers) ? servers.filter((server) => typeof server === 'string') : [];
}

function addressOf(name: string, scheme: string, hostname: string): string | null {
  const full = /^\d+$/.test(name)
    ? `${scheme}://${hostname}:${name}`
    : /^(ws|http)s?:\/\//.test(name)
      ? name.replace(/^http/, 'ws')
      : `${scheme}://${name}`;
  try {
    const { protocol, host } = new URL(full);
    return host === '' ? null : `${protocol}//${host}`;
  } catch {
    return null;
  }
}

/** The player of this tab: two tabs are two players, a reload keeps the player. */
export class Ticket {
  readonly #storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  readonly #key: string;

  constructor(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>, world: string) {
    this.#storage = storage;
    this.#key = `throughline:${world}:token`;
  }

  get token(): string | null {
    try {
      return this.#storage.getItem(this.#key);
    } catch {
      // A browser that keeps nothing: every load is a new player.
      return null;
    }
  }

  keep(token: string | null): void {
    try {
      if (token === null) this.#storage.removeItem(this.#key);
      else this.#storage.setItem(this.#key, token);
    } catch {
      // As above.
    }
  }
}

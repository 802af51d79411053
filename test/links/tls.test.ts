import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LinkTls } from '../../server/links/net.ts';
import { temporaryFolder } from '../storage/level-place.ts';
import { Cluster, numbered, sequences, until } from './support.ts';

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Makes authorities and certificates of them with openssl. */
class Authority {
  readonly #folder: string;
  readonly #name: string;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    this.#openssl('req', '-x509', ...key, '-days', '2', '-subj', `/CN=${name}`, ...this.#files('ca'));
  }

  /** A key and a certificate for these names. */
  issue(names: string): LinkTls {
    const file = `${this.#name}-${names.replaceAll(/\W/g, '-')}`;
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const by = ['-CA', this.#path('ca.crt'), '-CAkey', this.#path('ca.key')];
    const subject = ['-subj', '/CN=region', '-addext', `subjectAltName=${names}`];
    this.#openssl('req', '-x509', ...key, '-days', '2', ...subject, ...by, ...this.#files(file));
    const read = (name: string) => readFileSync(this.#path(name), 'utf8');
    return { key: read(`${file}.key`), cert: read(`${file}.crt`), ca: read('ca.crt') };
  }

  #path(name: string): string {
    return join(this.#folder, `${this.#name}-${name}`);
  }
  #files(name: string): string[] {
    return ['-keyout', this.#path(`${name}.key`), '-out', this.#path(`${name}.crt`)];
  }
  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

describe.skipIf(!hasOpenssl())('links over mutual TLS', () => {
  let folder: string;
  let ours: Authority;
  let theirs: Authority;
  let cluster: Cluster;
  beforeAll(async () => {
    folder = await temporaryFolder();
    ours = new Authority(folder, 'ours');
    theirs = new Authority(folder, 'theirs');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.stop());

  it('come up with certificates for region names or hosts, and carry messages', async () => {
    const a = await cluster.start(0, { tls: ours.issue('DNS:eu') });
    const b = await cluster.start(1, { tls: ours.issue('IP:127.0.0.1') });
    await until('linked', () => a.connected().length === 1 && b.connected().length === 1);
    a.links.send('w', 1, numbered(1));
    b.links.send('w', 0, numbered(2));
    a.links.send('w', 1, { kind: 'presence', sessions: ['z'.repeat(60_000)], left: [] });
    await until('both ways', () => a.received.length === 1 && b.received.length === 2);
    expect([sequences(a), sequences(b)]).toEqual([[2], [1]]);
    await b.links.close();
    await until('down', () => a.events.includes('1 down'));
    const again = await cluster.start(1, { tls: ours.issue('DNS:us') });
    await until('linked again', () => again.connected().length === 1 && a.connected().length === 1);
  });

  const wrong: [string, () => LinkTls | undefined, RegExp][] = [
    ['of another authority', () => theirs.issue('DNS:us'), /certificate|alert|unable to verify/i],
    ['without TLS', () => undefined, /wrong version number|packet length|no handshake|closed by/i],
  ];
  it.each(wrong)('refuse a peer %s, before it says a word', async (_, tls, reason) => {
    const a = await cluster.start(0, { tls: ours.issue('DNS:eu') });
    const its = tls();
    const b = await cluster.start(1, its === undefined ? {} : { tls: its });
    const said = () => [...a.logs, ...b.logs].map((line) => line.detail).join('\n');
    await until('refused', () => reason.test(said()));
    expect([a.events, b.events]).toEqual([[], []]);
  });

  it('refuse a certificate of the cluster that names another region and host', async () => {
    const a = await cluster.start(0, { tls: ours.issue('DNS:ap') });
    const b = await cluster.start(1, { tls: ours.issue('DNS:ap') });
    const said = () => [...a.logs, ...b.logs].map((line) => line.detail).join('\n');
    await until('refused', () => said().includes('altname'));
    expect([a.events, b.events]).toEqual([[], []]);
  });

  it('still ask for the secret', async () => {
    const a = await cluster.start(0, { tls: ours.issue('DNS:eu') });
    const b = await cluster.start(1, { tls: ours.issue('DNS:us'), secret: 'a different one' });
    await until('refused', () => a.codes.includes('wrong-secret') || b.codes.includes('wrong-secret'));
    expect([a.events, b.events]).toEqual([[], []]);
  });

  it('close on a stranger who does not speak TLS, within the deadline', async () => {
    const a = await cluster.start(0, { tls: ours.issue('DNS:eu'), bounds: { handshakeMs: 300 } });
    let closed = 0;
    for (const words of ['GET / HTTP/1.1\r\n\r\n', '']) {
      const socket = connectPlain(a.links.address(), () => socket.write(words));
      socket.on('error', () => {});
      socket.on('close', () => closed++);
      socket.resume();
    }
    await until('both closed', () => closed === 2, 3_000);
  });
});

/** The admin port over real HTTP, with a fake world and a fake gateway. */
import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { createAdmin } from '../../server/admin/admin.ts';
import type { Admin, AdminOptions, Faults } from '../../server/admin/types.ts';
import { ThroughlineError } from '../../server/errors.ts';
import { FakeWorld } from '../gateway/fake-world.ts';
import { post, request, TestLog } from '../gateway/support.ts';

const TOKEN = 'the admin token';
const open: Admin[] = [];

afterEach(async () => {
  for (const admin of open.splice(0)) await admin.close();
});

const figures = {
  ...{ clients: 3, live: 2, outboxBytes: 10, outstanding: 1, httpRequests: 0, followers: 0 },
  ...{ frames: 7, frameBytes: 700, slowed: 1, snapshots: 4 },
  actions: { issued: 5, refused: 2 },
  cutOff: { stalled: 1 },
};

class FakeFaults implements Faults {
  readonly made: unknown[] = [];
  async cut(a: string, b: string) {
    this.made.push(['cut', a, b]);
  }
  async heal() {
    this.made.push(['heal']);
  }
  async delay(a: string, b: string, ms: number) {
    this.made.push(['delay', a, b, ms]);
  }
  async kill(region: string) {
    this.made.push(['kill', region]);
  }
  async freeze(region: string, ms: number) {
    this.made.push(['freeze', region, ms]);
  }
}

async function openAdmin(options: Partial<AdminOptions> = {}) {
  const world = new FakeWorld();
  const log = new TestLog();
  const admin = createAdmin({
    ...{ host: '127.0.0.1', port: 0, token: TOKEN, region: 'eu', regions: ['eu', 'us', 'ap-south'] },
    ...{ version: '0.1.0', worlds: [world], logger: log, gateway: { stats: () => figures } },
    peers: () => [{ region: 'us', connected: true, rttMs: 0.3 }],
    ...options,
  });
  open.push(admin);
  const { port } = await admin.start();
  return { admin, world, log, http: `http://127.0.0.1:${port}`, port };
}

describe('admin port', () => {
  it('reports the status of the contract', async () => {
    const { http, world } = await openAdmin();
    world.append(3);
    const { status, json } = await request(`${http}/api/status`, { token: TOKEN });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      region: 'eu',
      version: '0.1.0',
      peers: [{ region: 'us', connected: true, rttMs: 0.3 }],
      worlds: [
        { world: 'warehouse', role: 'leader', leader: 'eu', applied: 3, ballot: { round: 1, region: 'eu' } },
      ],
    });
    expect(json.uptimeMs).toBeGreaterThanOrEqual(0);
    expect(Object.keys(json.worlds[0])).toEqual(Object.keys(world.status()));
  });

  it('[EDGE3] opens to its token only, and tells no other apart', async () => {
    const { http } = await openAdmin();
    for (const path of ['/api/status', '/metrics', '/readyz', '/nowhere']) {
      for (const token of [undefined, 'wrong', `${TOKEN}x`, 'the']) {
        const reply = await request(http + path, token === undefined ? {} : { token });
        expect(reply.status).toBe(401);
        expect(reply.json).toEqual({
          error: 'unauthorized',
          detail: 'the admin token is missing or wrong',
        });
      }
    }
    expect((await request(`${http}/healthz`)).json).toEqual({ status: 'ok' });
    expect((await request(`${http}/`)).status).toBe(404);
    expect((await request(`${http}/nowhere`, { token: TOKEN })).json.error).toBe('not-found');
  });

  it('without a token answers this machine, but no page of another site', async () => {
    const { http, port } = await openAdmin({ token: null });
    expect((await request(`${http}/api/status`)).status).toBe(200);
    const from = (headers: Record<string, string>) =>
      new Promise<number>((resolve, reject) => {
        const call = httpRequest({ host: '127.0.0.1', port, path: '/api/status', headers }, (reply) => {
          reply.resume();
          resolve(reply.statusCode ?? 0);
        });
        call.on('error', reject);
        call.end();
      });
    expect(await from({ host: `localhost:${port}` })).toBe(200);
    expect(await from({ host: `[::1]:${port}` })).toBe(200);
    expect(await from({ host: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${port}` })).toBe(200);
    expect(await from({ host: `127.0.0.1:${port}`, origin: 'http://evil.example' })).toBe(403);
    expect(await from({ host: 'evil.example' })).toBe(403);
    expect(await from({ host: '127.evil.example' })).toBe(403);
  });

  it('is not ready, and says that there are no clients, before any are let in', async () => {
    let serves = false;
    const { http } = await openAdmin({ gateway: { stats: () => (serves ? figures : undefined) } });
    const look = async () => {
      const { status } = await request(`${http}/readyz`, { token: TOKEN });
      const metrics = await fetch(`${http}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
      return { status, clients: /^throughline_clients\{.*$/m.exec(await metrics.text())?.[0] };
    };
    expect(await look()).toEqual({ status: 503, clients: expect.stringMatching(/\} 0$/) });
    serves = true;
    expect(await look()).toEqual({ status: 200, clients: expect.stringContaining(`} ${figures.clients}`) });
  });

  it('is ready when every world is, and says which is not', async () => {
    const { http, world } = await openAdmin();
    world.append(2);
    const ready = await request(`${http}/readyz`, { token: TOKEN });
    expect(ready.status).toBe(200);
    expect(ready.json).toMatchObject({
      ready: true,
      worlds: [{ world: 'warehouse', ready: true, number: 2 }],
    });
    world.linearizes = false;
    const not = await request(`${http}/readyz`, { token: TOKEN });
    expect(not.status).toBe(503);
    expect(not.headers.get('retry-after')).toBe('1');
    expect(not.json).toMatchObject({
      ready: false,
      worlds: [{ ready: false, error: 'no majority answers' }],
    });
  });

  it('asks the probe where one is given', async () => {
    const probed: string[] = [];
    const { http } = await openAdmin({
      probe: async (world) => {
        probed.push(world.name);
        throw new ThroughlineError('no-quorum', 'it does not act');
      },
    });
    const reply = await request(`${http}/readyz`, { token: TOKEN });
    expect(reply.json.worlds[0].error).toBe('it does not act');
    expect(probed).toEqual(['warehouse']);
  });

  it('hands leadership over', async () => {
    const { http, world } = await openAdmin();
    const to = (region: unknown) => post(`${http}/api/worlds/warehouse/leader`, { region }, TOKEN);
    expect((await to('us')).json).toEqual({ world: 'warehouse', leader: 'us' });
    expect(world.handedTo).toBe('us');
    expect((await to('mars')).json.error).toBe('bad-request');
    const nowhere = await post(`${http}/api/worlds/nowhere/leader`, { region: 'us' }, TOKEN);
    expect(nowhere.status).toBe(404);
    expect(nowhere.json.error).toBe('no-such-world');
    world.handOver = async () => {
      throw new ThroughlineError('no-quorum', 'nobody to hand over to');
    };
    const failed = await to('us');
    expect(failed.status).toBe(503);
    expect(failed.json).toEqual({ error: 'no-quorum', detail: 'nobody to hand over to' });
  });

  it('makes faults where that is allowed', async () => {
    const faults = new FakeFaults();
    const { http } = await openAdmin({ faults });
    const fault = (body: unknown) => post(`${http}/api/faults`, body, TOKEN);
    expect((await fault({ cut: ['eu', 'us'] })).json).toEqual({ ok: true });
    await fault({ delayMs: { 'eu-us': 40, 'us-ap-south': 70, 'ap-south-eu': 5 } });
    await fault({ heal: true });
    await fault({ kill: 'ap-south' });
    await fault({ freeze: { us: 1_500 } });
    expect(faults.made).toEqual([
      ['cut', 'eu', 'us'],
      ['delay', 'eu', 'us', 40],
      ['delay', 'us', 'ap-south', 70],
      ['delay', 'ap-south', 'eu', 5],
      ['heal'],
      ['kill', 'ap-south'],
      ['freeze', 'us', 1_500],
    ]);
    const wrong = [{}, { cut: ['eu'] }, { cut: 'eu' }, { heal: false }, { kill: 'mars' }, { boom: 1 }, []];
    for (const body of [
      ...wrong,
      { delayMs: { 'eu-us': -1 } },
      { delayMs: { 'eu-us': 1, 'eu-mars': 1 } },
      { kill: 'eu', heal: true },
      { freeze: 'eu' },
      { freeze: { mars: 10 } },
      { freeze: { eu: 0 } },
      { freeze: { eu: 60_001 } },
      { freeze: { eu: 10, us: 10 } },
    ]) {
      expect((await fault(body)).json.error).toBe('bad-request');
    }
    expect(faults.made).toHaveLength(7);
  });

  it('makes no faults where that is not allowed', async () => {
    const { http } = await openAdmin();
    const reply = await post(`${http}/api/faults`, { heal: true }, TOKEN);
    expect(reply.status).toBe(403);
    expect(reply.json.error).toBe('forbidden');
  });

  it('answers a large body and a broken one', async () => {
    const { http } = await openAdmin({ faults: new FakeFaults() });
    const large = await post(`${http}/api/faults`, JSON.stringify({ kill: 'x'.repeat(1 << 20) }), TOKEN);
    expect(large.status).toBe(413);
    expect(large.json.error).toBe('too-large');
    expect((await post(`${http}/api/faults`, '{"kill":', TOKEN)).json.error).toBe('bad-request');
  });

  it('shows metrics that Prometheus can read, taken when asked', async () => {
    const { http, world } = await openAdmin();
    const before = await request(`${http}/metrics`, { token: TOKEN });
    expect(before.headers.get('content-type')).toContain('text/plain');
    world.append(4);
    const { text } = await request(`${http}/metrics`, { token: TOKEN });
    const lines = text.split('\n');
    expect(lines).toContain('throughline_commands_applied{world="warehouse",region="eu"} 4');
    expect(lines).toContain('throughline_leader{world="warehouse",region="eu"} 1');
    expect(lines).toContain('throughline_clients{region="eu"} 3');
    expect(lines).toContain('throughline_actions_total{outcome="refused",region="eu"} 2');
    expect(lines).toContain('throughline_cut_off_total{reason="stalled",region="eu"} 1');
    expect(lines).toContain('throughline_peer_connected{peer="us",region="eu"} 1');
    expect(lines).toContain('throughline_frames_total{region="eu"} 7');
    expect(text).toMatch(/throughline_event_loop_seconds\{at="p99",region="eu"\} [0-9.e-]+/);
    expect(text).toMatch(/throughline_cpu_seconds_total\{mode="user",region="eu"\} [0-9.e-]+/);
  });

  it('rejects an address that is taken', async () => {
    const { port } = await openAdmin();
    await expect(openAdmin({ port })).rejects.toThrow(/EADDRINUSE/);
  });
});

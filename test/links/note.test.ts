import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LINK_NOTE_BYTES, LINK_QUEUE_RESERVE } from '../../server/limits.ts';
import { FRAME } from '../../server/links/frames.ts';
import { Raw } from './raw.ts';
import { Cluster, until } from './support.ts';

describe('notes of hosts', () => {
  let cluster: Cluster;
  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.stop());

  it('[EDGE2] wait for a peer that does not read within the bound of its queue', async () => {
    const queueBytes = 1 << 20;
    const a = await cluster.start(0, { bounds: { queueBytes } });
    const raw = await Raw.linked(a.links.address());
    await until('up', () => a.events.includes('1 up'));
    raw.socket.pause();
    // What the kernel takes is not known: far more than it ever would.
    const sent = 20_000;
    const text = 'y'.repeat(LINK_NOTE_BYTES);
    for (let n = 0; n < sent; n++) a.links.note(1, text);
    const dropped = a.links.status()[0]?.dropped ?? 0;
    const fitting = (queueBytes + LINK_QUEUE_RESERVE) / LINK_NOTE_BYTES;
    expect(dropped).toBeGreaterThan(sent / 2);
    expect(sent - dropped).toBeGreaterThanOrEqual(fitting - 2);
    expect(a.events).toEqual(['1 up']);
    raw.socket.destroy();
  });

  it('[LINK2] end the link on which one comes that is too long, and no other', async () => {
    const [a, c] = [await cluster.start(0), await cluster.start(2)];
    await until('linked', () => a.connected().length === 1 && c.connected().length === 1);
    const raw = await Raw.linked(a.links.address());
    await until('up', () => a.events.includes('1 up'));
    raw.send(FRAME.note, new Uint8Array(LINK_NOTE_BYTES).fill(0x78));
    raw.send(FRAME.note, new Uint8Array(LINK_NOTE_BYTES + 1).fill(0x78));
    await until('down', () => a.events.includes('1 down'));
    expect(a.notes).toEqual([`1: ${'x'.repeat(LINK_NOTE_BYTES)}`]);
    expect([a.connected(), c.events]).toEqual([['ap'], ['0 up']]);
    raw.socket.destroy();
  });

  it('are not sent where they would end the link', async () => {
    const [a, b] = [await cluster.start(0), await cluster.start(1)];
    await until('linked', () => a.connected().length === 1 && b.connected().length === 1);
    a.links.note(1, 'y'.repeat(LINK_NOTE_BYTES + 1));
    // Characters are not bytes.
    a.links.note(1, 'ü'.repeat(LINK_NOTE_BYTES));
    a.links.note(1, 'ü'.repeat(LINK_NOTE_BYTES / 2));
    await until('the one that fits', () => b.notes.length > 0);
    expect(b.notes).toEqual([`0: ${'ü'.repeat(LINK_NOTE_BYTES / 2)}`]);
    expect([a.links.status()[0]?.dropped, b.events]).toEqual([2, ['0 up']]);
  });
});

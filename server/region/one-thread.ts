/** All worlds of a region, and the door for their clients, on the thread that also has its links and its store. */
import type { Address } from '../config.ts';
import type { Gateway, GatewayStats } from '../gateway/types.ts';
import type { PeerMessage } from '../links/types.ts';
import type { Logger } from '../log.ts';
import type { HostInput } from '../replica/types.ts';
import { Hall, type HallOptions } from './hall.ts';
import type { LocalWorld } from './local-world.ts';
import type { WorldsOfRegion } from './worlds.ts';

export interface OneThreadOptions extends HallOptions {
  readonly log: Logger;
}

export class OneThread implements WorldsOfRegion {
  readonly busy = undefined;
  readonly #options: OneThreadOptions;
  readonly #hall: Hall;
  #gateway: Gateway | null = null;
  #open = false;

  private constructor(options: OneThreadOptions, hall: Hall) {
    this.#options = options;
    this.#hall = hall;
  }

  static async start(options: OneThreadOptions): Promise<OneThread> {
    return new OneThread(options, await Hall.open(options));
  }

  get services(): readonly LocalWorld[] {
    return this.#hall.services;
  }

  service(world: string): LocalWorld | undefined {
    return this.#hall.service(world);
  }

  receive(world: string, from: number, message: PeerMessage): void {
    this.#hall.receive(world, from, message);
  }

  receiveRaw(): boolean {
    return false;
  }

  tellAll(input: HostInput): void {
    this.#hall.tellAll(input);
  }

  begin(): void {
    this.#hall.begin();
  }

  async openDoor(): Promise<Address> {
    const { config, log } = this.#options;
    const { region, regions, secret, guests, page, transport, listen, tokenMs } = config;
    const { createGateway } = await import('../gateway/gateway.ts');
    this.#gateway = createGateway({
      ...{ host: listen.host, port: listen.port, worlds: this.services, region, regions, secret, guests },
      ...{ transport, pageDirectory: page, logger: log, limits: { tokenMs } },
    });
    const address = await this.#gateway.start();
    this.#open = true;
    return address;
  }

  stats(): GatewayStats | undefined {
    return this.#open ? this.#gateway?.stats() : undefined;
  }

  handOverAll(to: string): Promise<void> {
    return this.#hall.handOverAll(to);
  }

  async closeDoor(): Promise<void> {
    await this.#gateway?.drain();
  }

  drain(): Promise<void> {
    return this.#hall.drain();
  }

  halt(): void {
    this.#hall.halt();
  }

  async close(): Promise<void> {
    await this.#gateway?.close();
    await this.#hall.close();
  }
}

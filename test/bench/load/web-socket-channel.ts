import type { Endpoint } from '../lines/line.ts';
import { joinRoom, type RawWebSocket, ROOM_DATA_BYTES } from '../lines/web-socket.ts';
import { scanAnswer, scanAnswers } from './answers.ts';
import type { Channel, ChannelEvents } from './channel.ts';
import type { Templates } from './template.ts';

const ACTS = 8;
const ANSWER = 3;
const ANSWERS = 9;
const HEADER = 2;

/** One client: joins as the Colyseus SDK does, then raw frames. */
export class WebSocketChannel implements Channel {
  readonly lanes = 1;
  readonly #templates: Templates;
  #socket: RawWebSocket | null = null;

  private constructor(templates: Templates) {
    this.#templates = templates;
  }

  static async open(
    endpoint: Endpoint,
    world: string,
    templates: Templates,
    events: ChannelEvents,
  ): Promise<WebSocketChannel> {
    const channel = new WebSocketChannel(templates);
    const take = (sequence: number, failure: string | null) => events.answered(0, sequence, failure);
    const options = { world, stream: 'answers' };
    channel.#socket = await joinRoom(endpoint, 'world', options, {
      frame(payload) {
        if (payload[0] !== ROOM_DATA_BYTES) return;
        if (payload[1] === ANSWERS) scanAnswers(payload, HEADER, take);
        else if (payload[1] === ANSWER) scanAnswer(payload, HEADER, take);
        else return;
        events.heard();
      },
      closed: (reason) => events.closed(reason),
    });
    return channel;
  }

  send(_lane: number, first: number, count: number): void {
    const acts = this.#templates.fill(count, first);
    const message = Buffer.allocUnsafe(HEADER + acts.length);
    message[0] = ROOM_DATA_BYTES;
    message[1] = ACTS;
    message.set(acts, HEADER);
    this.#socket?.send(message);
  }

  close(): void {
    this.#socket?.close();
  }
}

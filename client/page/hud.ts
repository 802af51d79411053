/** Everything around the field: strip, scores, chat, events. Writes only what changed, and only text, never markup. */
import type { PlayerRow } from '../../schemas/generated/arena.ts';
import { bodyColour } from './colours.ts';

const FEED_MS = 6_000;
const FEED_AT_MOST = 6;
const CHAT_AT_MOST = 60;
const SCORES_AT_MOST = 12;

export type Tone = 'plain' | 'system' | 'trouble' | 'gold';

export interface StripValues {
  readonly phase: string;
  readonly region: string;
  readonly leader: string;
  readonly number: number;
  readonly delayMs: number | null;
  readonly pauseMs: number | null;
  readonly changes: number;
}

function find<T extends HTMLElement = HTMLElement>(selector: string): T {
  const found = document.querySelector<T>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export class Hud {
  readonly field = find<HTMLCanvasElement>('#field');
  readonly stick = find('#stick');
  readonly hit = find('#hit');
  readonly #banner = find('#banner');
  readonly #feed = find('#feed');
  readonly #chat = find<HTMLOListElement>('#chat ol');
  readonly #input = find<HTMLInputElement>('#say input');
  readonly #rows = find<HTMLTableSectionElement>('#scores tbody');
  #bannerText = '';
  onSay: (text: string) => void = () => {};
  onOpponents: (by: number) => void = () => {};

  constructor() {
    find<HTMLFormElement>('#say').addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#input.value.trim();
      this.#input.value = '';
      this.#input.blur();
      if (text !== '') this.onSay(text);
    });
    this.#input.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#input.blur();
    });
    for (const button of document.querySelectorAll<HTMLButtonElement>('#opponents button'))
      button.addEventListener('click', () => {
        this.onOpponents(Number(button.dataset['by']));
        button.blur();
      });
  }

  focusChat(): void {
    this.#input.focus();
  }

  showTouch(): void {
    find('#touch').hidden = false;
  }

  /** The visitor knows how it goes. */
  hideHelp(): void {
    setTimeout(() => find('#help').classList.add('old'), 8_000);
  }

  strip(values: StripValues): void {
    const dot = find('#dot');
    if (dot.dataset['phase'] !== values.phase) dot.dataset['phase'] = values.phase;
    setText(find('#region'), values.region);
    setText(find('#leader'), values.leader);
    setText(find('#number'), values.number.toLocaleString('en'));
    setText(find('#delay'), values.delayMs === null ? '–' : `${Math.round(values.delayMs)} ms`);
    setText(find('#pause'), values.pauseMs === null ? '–' : `${Math.round(values.pauseMs)} ms`);
    const changes = `${values.changes} leader change${values.changes === 1 ? '' : 's'}`;
    const element = find('#changes');
    if (element.textContent === changes) return;
    element.textContent = changes;
    const box = find('#survived');
    box.classList.remove('news');
    // Reading a size lets the animation start anew.
    void box.offsetWidth;
    if (values.changes > 0) box.classList.add('news');
  }

  /** Large words over the field; '' for none. */
  banner(text: string, small = ''): void {
    const all = `${text}\n${small}`;
    if (all === this.#bannerText) return;
    this.#bannerText = all;
    this.#banner.hidden = text === '';
    this.#banner.replaceChildren(text);
    if (small === '') return;
    const line = document.createElement('small');
    line.textContent = small;
    this.#banner.append(line);
  }

  event(text: string, tone: Tone = 'plain'): void {
    const line = document.createElement('p');
    line.textContent = text;
    if (tone !== 'plain') line.className = tone;
    this.#feed.append(line);
    while (this.#feed.childElementCount > FEED_AT_MOST) this.#feed.firstElementChild?.remove();
    setTimeout(() => line.classList.add('old'), FEED_MS);
    setTimeout(() => line.remove(), FEED_MS + 700);
  }

  chat(name: string, skin: number | null, text: string): void {
    const line = document.createElement('li');
    const who = document.createElement('b');
    who.textContent = name;
    if (skin !== null) who.style.color = bodyColour(skin);
    line.append(who, text);
    this.#chatLine(line);
  }

  note(text: string): void {
    const line = document.createElement('li');
    line.className = 'note';
    line.textContent = text;
    this.#chatLine(line);
  }

  #chatLine(line: HTMLLIElement): void {
    this.#chat.append(line);
    while (this.#chat.childElementCount > CHAT_AT_MOST) this.#chat.firstElementChild?.remove();
    this.#chat.scrollTop = this.#chat.scrollHeight;
  }

  scores(players: readonly PlayerRow[], me: string, crown: string): void {
    const best = [...players].sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1));
    const shown = best.slice(0, SCORES_AT_MOST);
    const own = best.find(({ id }) => id === me);
    if (own && !shown.includes(own)) shown[shown.length - 1] = own;
    setText(find('#count'), String(players.length));
    while (this.#rows.rows.length > shown.length) this.#rows.deleteRow(-1);
    shown.forEach((player, i) => {
      const row = this.#rows.rows[i] ?? scoreRow(this.#rows);
      const classes = [player.id === me ? 'me' : '', player.kind, player.alive ? '' : 'fallen']
        .filter(Boolean)
        .join(' ');
      if (row.className !== classes) row.className = classes;
      const [skin, name, streak, score] = [...row.cells];
      if (!skin || !name || !streak || !score) throw new Error('a row of scores has four cells');
      (skin.firstElementChild as HTMLElement).style.background = bodyColour(player.skin);
      setText(name, `${player.name}${player.id === crown && player.score > 0 ? ' ♛' : ''}`);
      setText(streak, player.streak > 1 ? `× ${player.streak}` : '');
      setText(score, String(player.score));
    });
  }

  record(score: number, champion: string): void {
    const element = find('#record');
    const text = score === 0 ? '' : `Best ever: ${score} by ${champion}`;
    if (element.textContent === text) return;
    const number = document.createElement('b');
    number.textContent = String(score);
    element.replaceChildren(...(score === 0 ? [] : ['Best ever: ', number, ` by ${champion}`]));
  }

  opponents(count: number): void {
    setText(find('#opponents output'), String(count));
  }
}

function scoreRow(body: HTMLTableSectionElement): HTMLTableRowElement {
  const row = body.insertRow();
  for (let i = 0; i < 4; i++) row.insertCell();
  row.cells[0]!.append(document.createElement('i'));
  return row;
}

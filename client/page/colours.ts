/** The page's colours on the canvas; style.css has those around it. */
import { SKINS } from '../../game-logic/worlds/arena/rules.ts';

const BODIES = [
  '#ef6f6c',
  '#4aa8e0',
  '#f2a541',
  '#7ac74f',
  '#b07be0',
  '#f279a8',
  '#3fc1b0',
  '#e8d44d',
  '#8d9cf0',
  '#e58a5c',
  '#9bb8c9',
  '#c9a06b',
] as const;

export function bodyColour(skin: number): string {
  return BODIES[skin % Math.min(SKINS, BODIES.length)]!;
}

export const INK = '#2a2233';
export const FLOOR = ['#e7d9be', '#e3d4b6'] as const;
export const FLOOR_EDGE = '#c9b791';
export const STONE = { top: '#a9b4c4', front: '#7f8ba0', line: '#5d677c' } as const;
export const LEAF = { top: '#7fb56a', front: '#5d9150', light: '#97c97f', line: '#3f6b38' } as const;
export const GOLD = { face: '#ffcf5c', edge: '#c98a1b', light: '#fff1c4' } as const;
export const GEM = { face: '#62d4e3', edge: '#2a8fa5', light: '#d2f7fb' } as const;
export const HEART = { face: '#f0616d', edge: '#a92c44', light: '#ffc7cc' } as const;

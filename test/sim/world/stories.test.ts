import { describe, it } from 'vitest';
import * as production from '../production.ts';
import { STORIES } from './stories.ts';

describe('stories of whole region servers', () => {
  for (const [name, story] of Object.entries(STORIES)) it(name, () => story(production));
});

import { defineConfig } from 'vitest/config';

/** What `npm run coverage` counts: simulator runs and golden stories, and nothing that looks at a room alone. */
export default defineConfig({
  test: {
    include: [
      'test/covered/simulated.ts',
      'test/interactions/**/*.test.ts',
      'test/sim/world/stories.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 600_000,
    coverage: {
      provider: 'v8',
      enabled: true,
      include: ['server/consensus/**', 'server/leader/**'],
      reporter: ['json'],
      clean: true,
    },
  },
});

import { expect, it } from 'vitest';
import { readServeOptions } from '../../server/cli/serve-options.ts';
import { consensusConfig } from '../../server/region/consensus-config.ts';

const votingOf = (regions: number, args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}) => {
  const peers = Array.from({ length: regions }, (_, at) => `r${at}=127.0.0.1:${7_000 + at}`).join(',');
  const serve = ['--region', 'r0', '--peers', peers, '--data', 'x', ...args];
  return consensusConfig(readServeOptions(serve, environment).config, 0).voting;
};

it('up to five regions all count votes, above that the leader; unless it is said otherwise', () => {
  expect([1, 3, 5, 6, 7].map((regions) => votingOf(regions))).toEqual([
    ...['all', 'all', 'all'],
    ...['leader', 'leader'],
  ]);
  expect(votingOf(3, ['--voting', 'leader'])).toBe('leader');
  expect(votingOf(7, ['--voting', 'all'])).toBe('all');
  expect(votingOf(3, ['--voting', 'auto'])).toBe('all');
  expect(votingOf(3, [], { THROUGHLINE_VOTING: 'leader' })).toBe('leader');
});

import Module, { createRequire } from 'node:module';

/**
 * Colyseus hands two figures to pm2's probe, which hooks into every `require` and takes some 50 ms to load, just when a restarted
 * region catches up. Nobody reads them here: what Colyseus finds is an empty one. To be called before its matchmaker is set up.
 */
export function leaveOutProbe(): void {
  try {
    const core = createRequire(createRequire(import.meta.url).resolve('@colyseus/core'));
    const path = core.resolve('@pm2/io');
    const exports = { metric() {} };
    core.cache[path] ??= Object.assign(new Module(path), { filename: path, loaded: true, exports });
  } catch {
    // Not installed: Colyseus asks for it in vain, too, and goes on. So it is in the bundle, which has a stand-in (scripts/build.mjs).
  }
}

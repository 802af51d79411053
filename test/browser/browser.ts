/** A Chromium of the machine, if there is one, with a profile of its own. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

const PLACES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Path of the browser; undefined where none is installed. */
export const installed: string | undefined = PLACES.find((path) => path !== undefined && existsSync(path));

export async function openBrowser(): Promise<{ context: BrowserContext; close: () => Promise<void> }> {
  if (!installed) throw new Error('there is no Chromium');
  const profile = mkdtempSync(join(tmpdir(), 'throughline-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: installed,
    headless: true,
    viewport: { width: 1280, height: 760 },
    args: QUIET,
  });
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

import { type Child, type Folder, temporaryFolder } from '../processes.ts';

/** Processes that a benchmark started, with a folder of their own: what systems that run here have in common. */
export abstract class Started {
  protected readonly folder: Folder;
  protected readonly children: Child[] = [];

  /** `name`: of the folder. */
  protected constructor(name: string) {
    this.folder = temporaryFolder(name);
  }

  get pids(): number[] {
    return this.children.map(({ pid }) => pid);
  }

  async stop(): Promise<void> {
    await Promise.all(this.children.map((child) => child.stop()));
    this.folder.remove();
  }
}

/** The system once it is ready; stopped where it does not become so. */
export async function whenReady<T extends Started>(system: T, ready: () => Promise<unknown>): Promise<T> {
  try {
    await ready();
    return system;
  } catch (error) {
    await system.stop();
    throw error;
  }
}

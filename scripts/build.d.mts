export function buildAll(): Promise<void>;
export function buildCommandLine(
  folder: string,
): Promise<{ readonly file: string; readonly imports: readonly string[] }>;

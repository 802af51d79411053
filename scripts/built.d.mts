export function fingerprint(root: string): string;
export function isBuilt(root: string): boolean;
export function noteBuilt(root: string, made: string): void;

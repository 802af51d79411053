interface Metafile {
  readonly outputs: {
    readonly [output: string]: {
      readonly inputs: { readonly [input: string]: { readonly bytesInOutput: number } };
    };
  };
}
export function licencesOf(root: string, metafiles: readonly Metafile[]): string;

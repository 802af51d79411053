/** A growing list of 32-bit integers in pieces, so that growing copies nothing: the largest explorations hold 10^8. */
export class Column {
  private readonly pieces: Int32Array[] = [];
  length = 0;

  get(index: number): number {
    return this.pieces[index >>> PIECE]![index & MASK]!;
  }

  set(index: number, value: number): void {
    this.pieces[index >>> PIECE]![index & MASK] = value;
  }

  push(value: number): void {
    if (this.length === this.pieces.length << PIECE) this.pieces.push(new Int32Array(1 << PIECE));
    this.set(this.length++, value);
  }
}

const PIECE = 16;
const MASK = (1 << PIECE) - 1;

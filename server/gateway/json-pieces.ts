const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** After these a space means nothing, as long as they are not part of a string. */
const ENDS = new Set([...' \n\r\t,:[]{}'].map((character) => character.charCodeAt(0)));

/**
 * A text of JSON that comes in pieces cut anywhere, cut anew where a space may stand: an Outflow to a slow reader puts one between
 * two writes. Keeps what came since the last such place, less than one number, word or string.
 */
export class JsonPieces {
  /** What came and was not given out yet. */
  rest = '';
  #inString = false;
  #escaped = false;

  /** What may be written now. */
  take(piece: string): string {
    const end = this.#lastEnd(piece);
    if (end === 0) {
      this.rest += piece;
      return '';
    }
    const text = this.rest + piece.slice(0, end);
    this.rest = piece.slice(end);
    return text;
  }

  /** How much of `piece` ends where a space may stand. */
  #lastEnd(piece: string): number {
    let end = 0;
    for (let i = 0; i < piece.length; i++) {
      const code = piece.charCodeAt(i);
      if (!this.#inString) {
        if (code === QUOTE) this.#inString = true;
        else if (ENDS.has(code)) end = i + 1;
      } else if (this.#escaped) this.#escaped = false;
      else if (code === BACKSLASH) this.#escaped = true;
      else if (code === QUOTE) {
        this.#inString = false;
        end = i + 1;
      }
    }
    return end;
  }
}

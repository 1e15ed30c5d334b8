/** What a carrier holds of the sound that it was sent, until its clock plays it; marks stand between. */
export class PlayoutBuffer {
  #pieces: (Buffer | { mark: string })[] = [];

  /** @param sound - a byte a sample */
  add(sound: Buffer): void {
    this.#pieces.push(sound);
  }

  mark(mark: string): void {
    this.#pieces.push({ mark });
  }

  /** Throws the sound away. @returns its marks */
  clear(): string[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces.flatMap((piece) => ('mark' in piece ? [piece.mark] : []));
  }

  /** @param samples - of the next tick of the clock @returns what is played, and the marks that were reached by it */
  play(samples: number): { sound: Buffer; marks: string[] } {
    const sound: Buffer[] = [];
    const marks: string[] = [];
    let missing = samples;
    for (let first = this.#pieces[0]; first !== undefined; first = this.#pieces[0]) {
      if ('mark' in first) marks.push(first.mark);
      else if (missing === 0) break;
      else {
        sound.push(first.subarray(0, missing));
        if (first.length > missing) {
          this.#pieces[0] = first.subarray(missing);
          break;
        }
        missing -= first.length;
      }
      this.#pieces.shift();
    }
    return { sound: Buffer.concat(sound), marks };
  }
}

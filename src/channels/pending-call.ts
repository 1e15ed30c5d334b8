import type { GatewayCall, LineEnd } from './line.ts';

/** Keys pressed before the call is open; more are forgotten. */
const MAX_EARLY_DIGITS = 32;

/**
 * A call as its line sees it, from before the gateway has opened it. Keys and the end that come early are handed on once it
 * is open; sound is not: there was nobody yet to hear it.
 */
export class PendingCall implements Pick<GatewayCall, 'receive' | 'digit' | 'played' | 'end'> {
  #call: GatewayCall | undefined;
  readonly #earlyDigits: string[] = [];
  #end: LineEnd | undefined;

  get isOpen(): boolean {
    return this.#call !== undefined;
  }

  /** The line has ended, whether or not the call has begun. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  opened(call: GatewayCall): void {
    this.#call = call;
    for (const digit of this.#earlyDigits) call.digit(digit);
    if (this.#end !== undefined) call.end(this.#end);
  }

  receive(samples: Int16Array): void {
    this.#call?.receive(samples);
  }

  digit(digit: string): void {
    if (this.#call !== undefined) this.#call.digit(digit);
    else if (this.#earlyDigits.length < MAX_EARLY_DIGITS) this.#earlyDigits.push(digit);
  }

  played(name: string): void {
    this.#call?.played(name);
  }

  /** The first reason stands. */
  end(end: LineEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#call?.end(end);
  }
}

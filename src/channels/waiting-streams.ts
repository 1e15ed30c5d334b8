import type { Config } from '../config/config.ts';

/** How many media WebSockets of each address have not shown yet what call they are of. */
export interface WaitingStreams {
  /**
   * One more is there.
   *
   * @param address - undefined where it is not known, and nothing is counted
   * @returns says, once or more often, that it waits no longer; undefined when as many as may wait already
   */
  enter(address: string | undefined): (() => void) | undefined;
}

/** Beside as many as there may be calls: some a carrier opens again. */
const SPARE_STREAMS = 16;

/** How many streams of one address may wait. */
export function mostWaiting({ MAX_GATEWAY_CALLS }: Pick<Config, 'MAX_GATEWAY_CALLS'>): number {
  return MAX_GATEWAY_CALLS + SPARE_STREAMS;
}

/**
 * Anybody can open a media WebSocket, and hold it open until it has to show its token. So that a stranger takes no memory,
 * and no time of the calls that run, an address may have so many of them: carriers' show it in milliseconds.
 *
 * @param most - of one address
 */
export function createWaitingStreams(most: number): WaitingStreams {
  const waiting = new Map<string, number>();
  return {
    enter(address) {
      if (address === undefined) return () => undefined;
      const before = waiting.get(address) ?? 0;
      if (before >= most) return undefined;
      waiting.set(address, before + 1);
      let waits = true;
      return () => {
        if (!waits) return;
        waits = false;
        const left = (waiting.get(address) ?? 0) - 1;
        if (left > 0) waiting.set(address, left);
        else waiting.delete(address);
      };
    },
  };
}

import { CharlaError } from '../errors.ts';
import type { LiveKit } from './livekit.ts';
import { requestSip } from './sip.ts';

/** A trunk through which calls are placed. */
export interface OutboundTrunk {
  readonly id: string;
  /** Numbers that callees may see; empty: the trunk names none in particular. */
  readonly numbers: readonly string[];
}

/**
 * The trunk to call through.
 *
 * @param wanted - its id or name; undefined: the only one there is
 * @throws CharlaError `CHARLA_SIP_TRUNK_MISSING`, and as {@link requestSip}
 */
export async function findOutboundTrunk(
  livekit: LiveKit,
  wanted: string | undefined,
): Promise<OutboundTrunk> {
  const trunks = await requestSip(livekit, 'outbound trunk', (sip) => sip.listSipOutboundTrunk());
  const fitting =
    wanted === undefined
      ? trunks
      : trunks.filter(({ sipTrunkId, name }) => sipTrunkId === wanted || name === wanted);
  const [trunk, another] = fitting;
  if (trunk === undefined || another !== undefined) {
    throw new CharlaError('CHARLA_SIP_TRUNK_MISSING', { reason: missing(wanted, fitting.length) });
  }
  const numbers = trunk.numbers.filter((number) => number !== ANY_NUMBER);
  return { id: trunk.sipTrunkId, numbers };
}

/** What a trunk has among its numbers that is not held to any. */
const ANY_NUMBER = '*';

function missing(wanted: string | undefined, fitting: number): string {
  const called = wanted === undefined ? '' : ` «${wanted}»`;
  return fitting === 0
    ? `livekit-server has no outbound trunk${called}`
    : `livekit-server has ${fitting} outbound trunks${called}, and which of them is meant is not said`;
}

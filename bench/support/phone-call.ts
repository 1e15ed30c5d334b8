import { LINE_RATE } from '../../src/channels/line.ts';
import { resampled } from '../../src/channels/resampled.ts';
import { callByAudioSocket } from '../../test/support/audiosocket-carrier.ts';
import { CALLER_SAMPLE_RATE, Caller } from '../../test/support/caller.ts';
import { startSession } from '../../test/support/dev-stack.ts';
import { callBySip } from '../../test/support/sip-caller.ts';
import type { Telephone } from '../../test/support/telephone.ts';
import type { PhoneStack } from './phone-stack.ts';

/** How people come. The first is what the others are held against. */
export const WAYS = ['browser', 'sip', 'audiosocket', 'twilio', 'telnyx'] as const;
export type Way = (typeof WAYS)[number];

/** A person in a call, on whichever way. */
export interface PhoneCall {
  person: Pick<Telephone, 'firstSoundAfter' | 'lastSound' | 'until'>;
  /**
   * @param sound - mono, {@link CALLER_SAMPLE_RATE}
   * @returns when its last sound was sent, ms of `performance.now()`
   */
  say(sound: Int16Array): Promise<number>;
  /** When they began to call, and when the line was up, ms of `performance.now()`. */
  calledAt: number;
  answeredAt: number;
  hangUp(): Promise<void>;
}

const FROM = '+34600111222';
const TO = '+34911234567';

/** Calls, and waits until the line is up. */
export async function placeCall(stack: PhoneStack, way: Way): Promise<PhoneCall> {
  const calledAt = performance.now();
  switch (way) {
    case 'browser': {
      const session = await startSession(stack.apiUrl, { user_id: FROM }, stack.apiKey);
      const caller = await Caller.join(session);
      return {
        person: caller,
        say: (sound) => caller.say(sound),
        calledAt,
        answeredAt: performance.now(),
        hangUp: () => caller.hangUp(),
      };
    }
    case 'sip': {
      const call = await callBySip(stack.sip.sipPort, { from: FROM, to: TO });
      return {
        ...onTelephone(call.telephone),
        calledAt: call.invitedAt,
        answeredAt: call.answeredAt,
        hangUp: () => call.hangUp(),
      };
    }
    case 'audiosocket': {
      const call = await callByAudioSocket(stack.audioSocketPort);
      return {
        ...onTelephone(call.telephone),
        calledAt,
        answeredAt: performance.now(),
        hangUp: () => call.hangUp(),
      };
    }
    case 'twilio': {
      const call = await stack.twilio.call({ from: FROM, to: TO });
      return {
        ...onTelephone(call.telephone),
        calledAt,
        answeredAt: performance.now(),
        hangUp: () => call.hangUp(),
      };
    }
    case 'telnyx': {
      const call = await stack.telnyx.call({ from: FROM, to: TO });
      return {
        ...onTelephone(call.telephone),
        calledAt,
        answeredAt: performance.now(),
        hangUp: () => call.hangUp(),
      };
    }
  }
}

function onTelephone(telephone: Telephone): Pick<PhoneCall, 'person' | 'say'> {
  return {
    person: telephone,
    say: (sound) => telephone.say(resampled(sound, CALLER_SAMPLE_RATE, LINE_RATE)),
  };
}

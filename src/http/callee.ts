import type { Config } from '../config/config.ts';
import { isOpenDevelopment } from '../config/development.ts';
import { CharlaError } from '../errors.ts';
import { phoneNumber } from '../sessions/phone-number.ts';

/** Whom we call. */
export interface Callee {
  /** The number in E.164, or the SIP URI: what the history shows. */
  readonly name: string;
  /** The number, or the user of the URI. */
  readonly user: string;
  /** `host` or `host:port` of a SIP URI. */
  readonly address?: string;
}

/** A number that can be reached from everywhere: with the code of its country. */
const INTERNATIONAL = /^\+[1-9]\d{6,14}$/;
const SIP_URI = /^sip:([\w.+*#-]{1,64})@([a-z\d.-]{1,190}(?::\d{1,5})?)$/i;

/**
 * Who is meant by a number, or, in development without keys, by a SIP URI such as that of a softphone on this machine.
 *
 * @throws CharlaError `CHARLA_REQUEST_INVALID`, `CHARLA_NUMBER_NOT_ALLOWED`: none of OUTBOUND_PREFIXES fits
 */
export function callee(to: string, config: Pick<Config, 'NODE_ENV' | 'HOST' | 'OUTBOUND_PREFIXES'>): Callee {
  const isOpen = isOpenDevelopment(config);
  const [, user, address] = (isOpen && SIP_URI.exec(to.trim())) || [];
  if (user !== undefined && address !== undefined) return { name: to.trim(), user, address };

  const number = phoneNumber(to) ?? '';
  if (to.includes('@') || !INTERNATIONAL.test(number)) {
    throw new CharlaError('CHARLA_REQUEST_INVALID', {
      problems: '/to: is not a number with the code of its country, such as +34911234567',
    });
  }
  const { OUTBOUND_PREFIXES: prefixes } = config;
  const isAllowed = prefixes.some((prefix) => number.startsWith(prefix)) || (isOpen && prefixes.length === 0);
  if (!isAllowed) {
    const allowed = prefixes.length === 0 ? 'none is set' : prefixes.join(', ');
    throw new CharlaError('CHARLA_NUMBER_NOT_ALLOWED', { allowed });
  }
  return { name: number, user: number };
}

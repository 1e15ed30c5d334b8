import twilio from 'twilio';
import type RequestClient from 'twilio/lib/base/RequestClient.js';
import type { Config } from '../../config/config.ts';
import { CharlaError, messageOf } from '../../errors.ts';

/** A caller waits for it. */
const TIMEOUT_MS = 3_000;
const API_ORIGIN = 'https://api.twilio.com';

/** What we ask of Twilio about a call that runs. */
export interface TwilioApi {
  /** Ends the call. @throws CharlaError `CHARLA_CARRIER_FAILED` */
  complete(callSid: string): Promise<void>;
  /** Goes on with other TwiML, which ends the media stream. @throws CharlaError `CHARLA_CARRIER_FAILED` */
  continueWith(callSid: string, twiml: string): Promise<void>;
}

export interface TwilioAccount extends Pick<Config, 'TWILIO_API_URL'> {
  TWILIO_ACCOUNT_SID: string;
  TWILIO_AUTH_TOKEN: string;
}

/** Twilio's REST API, with our time limit and our errors. */
export function createTwilioApi(account: TwilioAccount): TwilioApi {
  const { TWILIO_ACCOUNT_SID: sid, TWILIO_AUTH_TOKEN: token, TWILIO_API_URL: url } = account;
  const httpClient = new HttpClient(url);
  const { calls } = twilio(sid, token, { httpClient });
  const asked = async (command: string, answer: Promise<unknown>) => {
    try {
      await answer;
    } catch (cause) {
      throw new CharlaError(
        'CHARLA_CARRIER_FAILED',
        { carrier: 'Twilio', command, reason: reasonOf(cause) },
        { cause },
      );
    }
  };
  return {
    complete: (callSid) => asked('hang up', calls(callSid).update({ status: 'completed' })),
    continueWith: (callSid, twiml) => asked('continue with other TwiML', calls(callSid).update({ twiml })),
  };
}

class HttpClient extends twilio.RequestClient {
  readonly #origin: string;

  constructor(origin = API_ORIGIN) {
    super({ timeout: TIMEOUT_MS });
    this.#origin = origin.replace(/\/+$/, '');
  }

  override request<T>(options: RequestClient.RequestOptions<T>) {
    options.uri = options.uri.replace(API_ORIGIN, this.#origin);
    return super.request(options);
  }
}

/** Without Twilio's sentence, which may name a number. */
function reasonOf(error: unknown): string {
  if (error instanceof twilio.RestException) {
    return `it answered ${error.status}${error.code === undefined ? '' : `, error ${error.code}`}`;
  }
  return messageOf(error);
}

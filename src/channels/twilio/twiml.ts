import twilio from 'twilio';
import type { Language } from '../../config/config.ts';
import { LOCALES } from '../../config/locales.ts';

/**
 * Has Twilio open a media stream, both ways, and end the call when that is over.
 *
 * @param url - `wss://…`, without a query, which Twilio leaves out
 * @param token - comes back in the stream's `start`
 * @see https://www.twilio.com/docs/voice/twiml/stream
 */
export function connectStream(url: string, token: string): string {
  const response = new twilio.twiml.VoiceResponse();
  response.connect().stream({ url }).parameter({ name: 'token', value: token });
  return response.toString();
}

/** Has Twilio's own voice say a sentence, and ends the call. */
export function sayAndHangUp(sentence: string, language: Language): string {
  const response = new twilio.twiml.VoiceResponse();
  response.say({ language: LOCALES[language] }, sentence);
  response.hangup();
  return response.toString();
}

/**
 * Gives the call to somebody else.
 *
 * @param to - a number in E.164, or a SIP address
 * @param options.back - where Twilio asks what to do when nobody answers there, or when that call is over
 */
export function dial(to: string, { back, ringSeconds }: { back: string; ringSeconds: number }): string {
  const response = new twilio.twiml.VoiceResponse();
  const dialled = response.dial({
    action: back,
    method: 'POST',
    answerOnBridge: true,
    timeout: ringSeconds,
  });
  if (/^sips?:/.test(to)) dialled.sip(to);
  else dialled.number(to);
  return response.toString();
}

/** Ends the call. */
export function hangUp(): string {
  const response = new twilio.twiml.VoiceResponse();
  response.hangup();
  return response.toString();
}

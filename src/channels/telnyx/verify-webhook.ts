import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Telnyx } from 'telnyx';
import { CharlaError, messageOf } from '../../errors.ts';
import { createOnce } from '../once.ts';

/** Telnyx's SDK takes timestamps that differ from our clock by this much, s. */
const WINDOW_SECONDS = 300;

/**
 * Checks that Telnyx sent a webhook, and that it comes for the first time: Ed25519 over `timestamp|body` with Telnyx's public
 * key, a timestamp within five minutes, and a body that did not come before at that time. When Telnyx itself sends an event again,
 * its body counts the attempts.
 *
 * @param client - of Telnyx's SDK, which knows the public key
 * @returns takes the body byte for byte as it came, and answers what it is the JSON of
 * @throws CharlaError `CHARLA_SIGNATURE_INVALID`
 */
export function webhookVerifier(
  client: Telnyx,
): (body: string, headers: IncomingHttpHeaders) => Promise<unknown> {
  const taken = createOnce();
  return async (body, given) => {
    const headers = textsOf(given);
    let content: unknown;
    try {
      content = await client.webhooks.unwrap(body, { headers });
    } catch (error) {
      // It is signed, and no JSON: whoever reads it will say so.
      if (error instanceof SyntaxError) return undefined;
      throw refusal(reasonOf(messageOf(error)), error);
    }
    // Not by the signature, which can be written in several ways.
    const { 'telnyx-timestamp': timestamp } = headers;
    const signed = createHash('sha256').update(`${timestamp}|${body}`).digest('base64');
    if (!taken.use(signed, (Number(timestamp) + WINDOW_SECONDS + 1) * 1000)) throw refusal('it came before');
    return content;
  };
}

function refusal(reason: string, cause?: unknown): CharlaError {
  const fields = { carrier: 'Telnyx', reason, variables: 'TELNYX_PUBLIC_KEY' };
  return new CharlaError('CHARLA_SIGNATURE_INVALID', fields, { cause });
}

/** Without what was sent, which the SDK's sentences repeat. */
function reasonOf(sentence: string): string {
  if (/timestamp too old/.test(sentence)) return 'its timestamp is not of the last five minutes';
  if (/^Missing/.test(sentence)) return 'a header of the signature is missing';
  return 'the signature is not of this body';
}

function textsOf(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}

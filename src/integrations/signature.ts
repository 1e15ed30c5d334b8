import { createHmac } from 'node:crypto';

export interface Message {
  /** The same in each attempt, for the receiver to know it by. */
  id: string;
  /** When this attempt is made. */
  at: Date;
  /** Exactly as it is sent. */
  body: string;
}

/**
 * Headers that show a receiver who sent a message, and when, as the Standard Webhooks specification 1.0 has them
 * (standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`.
 *
 * @param secrets - `whsec_` and base64; one signature each, so that a receiver can change its secret before or after us.
 *   Without any the message is not signed
 */
export function signatureHeaders(
  secrets: readonly string[],
  { id, at, body }: Message,
): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    ...(signatures.length > 0 && { 'webhook-signature': signatures.join(' ') }),
  };
}

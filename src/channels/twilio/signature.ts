import twilio from 'twilio';

export interface TwilioRequest {
  /** As Twilio was told to send it: our public address, the path and the query. */
  url: string;
  /** The header `X-Twilio-Signature`. */
  signature: string;
  /** What it carries: the fields of a form, or JSON as it came. */
  body: { form: Record<string, unknown> } | { json: string };
}

/**
 * Whether Twilio sent a webhook: HMAC-SHA1 with the account's auth token over the address and the form; of JSON, over the
 * address, which carries the body's SHA-256 as `bodySHA256`.
 *
 * @see https://www.twilio.com/docs/usage/security#validating-requests
 */
export function isSignedByTwilio(authToken: string, { url, signature, body }: TwilioRequest): boolean {
  try {
    return 'form' in body
      ? twilio.validateRequest(authToken, signature, url, body.form)
      : twilio.validateRequestWithBody(authToken, signature, url, body.json);
  } catch {
    // An address that is none.
    return false;
  }
}

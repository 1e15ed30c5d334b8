import { z } from 'zod';
import { commaList } from './comma-list.ts';

/** What a key for HMAC-SHA256 has, bytes, as the Standard Webhooks specification has it. */
const SECRET_BYTES = { least: 24, most: 64 } as const;

/** Where webhooks go: http or https, without a user name or password, which `fetch` does not send. */
export function isWebhookUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

/** A list of addresses, separated by commas. */
export const webhookUrlList = list(
  z.string().refine(isWebhookUrl, {
    error: 'has an address that does not start with http:// or https://, or has a password in it',
  }),
);

/** A list of secrets as `openssl rand -base64 32` makes them after `whsec_`; its errors do not show them. */
export const webhookSecretList = list(
  z.string().refine(isSecret, {
    error: `has a secret that is not «whsec_» and base64 of ${SECRET_BYTES.least} to ${SECRET_BYTES.most} bytes; echo whsec_$(openssl rand -base64 32) makes one`,
  }),
);

function isSecret(text: string): boolean {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
  if (encoded === undefined) return false;
  const { length } = Buffer.from(encoded, 'base64');
  return length >= SECRET_BYTES.least && length <= SECRET_BYTES.most;
}

function list(entry: z.ZodType<string, string>) {
  return z
    .string()
    .transform((text) => [...new Set(commaList(text))])
    .pipe(z.array(entry));
}

import { hkdfSync, randomBytes } from 'node:crypto';
import { EncryptJWT, jwtDecrypt } from 'jose';
import { z } from 'zod';
import type { Config } from '../config/config.ts';
import type { Phone } from '../sessions/session.ts';
import { createOnce } from './once.ts';

/** A carrier opens the stream of a call within a second of being told to. */
export const STREAM_TOKEN_SECONDS = 30;
/** Tokens that were used and have not expired; no carrier opens as many streams in {@link STREAM_TOKEN_SECONDS}. */
const MOST_USED = 10_000;
const RANDOM_BYTES = 32;
const ALGORITHM = 'dir';
const ENCRYPTION = 'A256GCM';

/** The call that a stream is for, as the carrier's signed webhook told of it. */
export interface StreamCall {
  readonly channel: 'twilio' | 'telnyx';
  /** The carrier's id of the call. */
  readonly callId: string;
  readonly phone: Phone;
  /** undefined: that of the called number. */
  readonly profile?: string | undefined;
}

/** Tokens with which a carrier opens the media stream of one call, once. */
export interface StreamTokens {
  /** A token for one stream of this call; under 500 characters, which is as much as Twilio hands on. */
  issue(call: StreamCall): Promise<string>;
  /** The call that a token was issued for; undefined when it is none of ours, has expired, or was used. */
  redeem(channel: StreamCall['channel'], token: string): Promise<StreamCall | undefined>;
}

const claimsSchema = z.object({
  jti: z.string(),
  id: z.string(),
  out: z.literal(1).optional(),
  from: z.string().optional(),
  to: z.string().optional(),
  prof: z.string().optional(),
  exp: z.number(),
});

/**
 * Tokens of media streams: 32 random bytes and the call, encrypted with a key that is derived from LIVEKIT_API_SECRET: they
 * stand in addresses, which proxies log, and have people's numbers in them. Any `charla serve` with that secret takes the
 * stream of a webhook that another one answered. Each of them takes a token once; behind one address, two could take the
 * same token within its {@link STREAM_TOKEN_SECONDS}.
 */
export function createStreamTokens({ LIVEKIT_API_SECRET }: Pick<Config, 'LIVEKIT_API_SECRET'>): StreamTokens {
  const key = new Uint8Array(
    hkdfSync('sha256', LIVEKIT_API_SECRET, '', 'charla media stream token, encrypted', 32),
  );
  const used = createOnce(MOST_USED);

  return {
    issue({ channel, callId, phone, profile }) {
      const { direction, caller, called } = phone;
      return new EncryptJWT({
        id: callId,
        ...(direction === 'outbound' && { out: 1 }),
        ...(caller !== null && { from: caller }),
        ...(called !== null && { to: called }),
        ...(profile !== undefined && { prof: profile }),
      })
        .setProtectedHeader({ alg: ALGORITHM, enc: ENCRYPTION })
        .setAudience(channel)
        .setJti(randomBytes(RANDOM_BYTES).toString('base64url'))
        .setExpirationTime(`${STREAM_TOKEN_SECONDS}s`)
        .encrypt(key);
    },
    async redeem(channel, token) {
      const decrypted = await jwtDecrypt(token, key, {
        keyManagementAlgorithms: [ALGORITHM],
        contentEncryptionAlgorithms: [ENCRYPTION],
        audience: channel,
      }).catch(() => undefined);
      const claims = claimsSchema.safeParse(decrypted?.payload).data;
      if (claims === undefined || !used.use(claims.jti, claims.exp * 1000)) return undefined;
      return {
        channel,
        callId: claims.id,
        phone: {
          direction: claims.out === 1 ? 'outbound' : 'inbound',
          caller: claims.from ?? null,
          called: claims.to ?? null,
        },
        profile: claims.prof,
      };
    },
  };
}

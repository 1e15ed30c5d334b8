import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  createStreamTokens,
  STREAM_TOKEN_SECONDS,
  type StreamCall,
} from '../../src/channels/stream-tokens.ts';

const LIVEKIT_API_SECRET = 'a-secret-of-the-tests-on-loopback-only';
const tokens = createStreamTokens({ LIVEKIT_API_SECRET });
const number = fc.stringMatching(/^\+[0-9]{2,15}$/);
const call: fc.Arbitrary<StreamCall> = fc.record({
  channel: fc.constantFrom('twilio', 'telnyx'),
  callId: fc.stringMatching(/^CA[0-9a-f]{32}$/),
  phone: fc.record({
    direction: fc.constantFrom('inbound', 'outbound'),
    caller: fc.option(number),
    called: fc.option(number),
  }),
  profile: fc.option(fc.stringMatching(/^[\w-]{1,64}$/), { nil: undefined }),
});
const CALL: StreamCall = {
  channel: 'twilio',
  callId: 'CA1',
  phone: { direction: 'inbound', caller: '+34600111222', called: '+34911234567' },
};

describe('the token of a stream', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('gives its call back once, in fewer characters than Twilio hands on', async () => {
    await fc.assert(
      fc.asyncProperty(call, async (one) => {
        const token = await tokens.issue(one);
        expect('token'.length + token.length).toBeLessThan(500);
        expect(await tokens.redeem(one.channel, token)).toEqual(one);
        expect(await tokens.redeem(one.channel, token)).toBeUndefined();
      }),
    );
  });

  it('shows nobody whose call it is', async () => {
    const token = await tokens.issue(CALL);
    for (const part of token.split('.'))
      expect(Buffer.from(part, 'base64url').toString('latin1')).not.toMatch(/34600111222|34911234567/);
  });

  it('is taken by another server with the same secret, and by none with another', async () => {
    const same = createStreamTokens({ LIVEKIT_API_SECRET });
    const other = createStreamTokens({ LIVEKIT_API_SECRET: `${LIVEKIT_API_SECRET}2` });
    const token = await tokens.issue(CALL);
    expect(await other.redeem('twilio', token)).toBeUndefined();
    expect(await same.redeem('twilio', token)).toMatchObject({ callId: 'CA1' });
  });

  it('is of its channel alone, and no other token is one', async () => {
    const token = await tokens.issue(CALL);
    expect(await tokens.redeem('telnyx', token)).toBeUndefined();
    for (const wrong of ['', 'x', `${token}x`, token.slice(1), token.split('.', 2).concat('').join('.')])
      expect(await tokens.redeem('twilio', wrong)).toBeUndefined();
    expect(await tokens.redeem('twilio', token)).toBeDefined();
  });

  it('expires', async () => {
    vi.useFakeTimers();
    const token = await tokens.issue(CALL);
    vi.advanceTimersByTime((STREAM_TOKEN_SECONDS + 1) * 1000);
    expect(await tokens.redeem('twilio', token)).toBeUndefined();
  });
});

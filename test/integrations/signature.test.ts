import { expect, it } from 'vitest';
import { signatureHeaders } from '../../src/integrations/signature.ts';

/** The example that libraries of the Standard Webhooks specification are tested with. */
const MESSAGE = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  at: new Date(1_614_265_330_500),
  body: '{"test": 2432232314}',
};
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';

it('a message is signed as libraries of the specification expect it', () => {
  expect(signatureHeaders([SECRET], MESSAGE)).toEqual({
    'webhook-id': MESSAGE.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': SIGNATURE,
  });
});

it('with two secrets it has both signatures, and without any none', () => {
  const other = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const [first, second] = (signatureHeaders([other, SECRET], MESSAGE)['webhook-signature'] ?? '').split(' ');
  expect(second).toBe(SIGNATURE);
  expect(first).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
  expect(first).not.toBe(SIGNATURE);
  expect(signatureHeaders([], MESSAGE)).not.toHaveProperty('webhook-signature');
});

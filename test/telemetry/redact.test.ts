import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/telemetry/redact.ts';
import { logLines } from '../support/log-lines.ts';

const redact = createRedactor(['hunter2-of-the-tests', 'with "quotes" and \\ in it']);

/** A secret in a sentence, and the part of it that must not be seen. */
const SECRETS: readonly (readonly [what: string, text: string, secret: string])[] = [
  ['a known secret', 'it was hunter2-of-the-tests', 'hunter2'],
  ['a known secret that JSON escapes', 'it was with "quotes" and \\ in it', 'quotes'],
  ['a token', 'got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl', 'eyJzdWIi'],
  ['a token without a signature', 'got eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ.', 'eyJzdWIi'],
  ['a bearer', 'sent Bearer 0123456789abcdef', '0123456789abcdef'],
  ['a header', 'authorization: Basic dXNlcjpwYXNzd29yZA==', 'dXNlcjpw'],
  ['a header of ours', 'X-API-Key: opensesame', 'opensesame'],
  ['a cookie', 'cookie: sid=s3cr3t-cookie', 's3cr3t'],
  ['a key of ours', 'key charla_q1w2e3r4t5y6u7i8o9p0a1s2d3f4', 'q1w2e3'],
  ['a key of OpenAI', 'key sk-proj-abcdefghijklmnopqrstuvwx', 'abcdefgh'],
  ['a key of Groq', 'key gsk_abcdefghijklmnopqrstuvwx', 'abcdefgh'],
  ['a key of AWS', 'key AKIAIOSFODNN7EXAMPLE', 'IOSFODNN'],
  ['a password in a URL', 'at postgres://charla:p4ssw0rd@db.internal:5432/charla', 'p4ssw0rd'],
  ['a token in a URL', 'at wss://rtc.example/rtc?access_token=abc123def&x=1', 'abc123def'],
  ['a variable', 'LLM_API_KEY=abc123def456', 'abc123def456'],
  ['an e-mail address', 'from ana.torres+x@correo.example.es today', 'torres'],
  ['a Spanish mobile', 'call 612 345 678 now', '345'],
  ['a Spanish mobile without spaces', 'call 612345678 now', '612345678'],
  ['a Spanish landline', 'call 91 123 45 67', '123 45'],
  ['an international number', 'call +34 612 34 56 78', '612 34'],
  ['a number as SIP has it', 'from sip:+34612345678 by trunk', '612345678'],
  ['a number in a room of livekit-sip', '{"room":"call-_+34612345678_c8GFim8ncHVj"}', '612345678'],
  ['a number in an identity of livekit-sip', 'sip_+34612345678 left', '612345678'],
  ['a number in a path', 'GET /users/+34612345678/calls', '612345678'],
  ['a number with 00', 'call 0034612345678', '612345678'],
  ['an American number', 'call (555) 123-4567', '123-4567'],
  ['a card', 'card 4111 1111 1111 1111', '1111 1111'],
  ['quoted JSON with words', 'answered {"text":"mi perro se llama Luna"}', 'Luna'],
  ['JSON that was quoted twice', `answered ${JSON.stringify({ body: '{"text":"se llama Luna"}' })}`, 'Luna'],
  ['quoted JSON with data tools', 'answered {"data_tools":{"a":{"b":["Luna"]}},"c":"Sol"}', 'Luna'],
];

const KEPT = [
  'room charla-5f1c9d1e-7c53-4c3f-9f39-0a3f5c1f6a10 is open',
  'room charla-12345678-1234-4234-8234-123456789012 is open',
  'it listens on http://127.0.0.1:8000 and ws://192.168.100.200:7880',
  'at 192.168.100.200 since 2026-01-01 12:30:45',
  'at 2026-01-01T12:30:45.123Z',
  'at file:///work/main/node_modules/@livekit/agents/dist/job.js:1234:56',
  'package tsx@4.23.15 and pino@10.4.0 of node v20.19.0',
  'ports 50000-60000 are for media, 7880-7882 for signals',
  'took 1234 ms of 30000 ms, 262144 bytes, pid 1234567',
  'Send a key in the header X-API-Key, or a token as Authorization: Bearer',
  'Set OPENAI_API_KEY or LLM_BASE_URL in .env',
  'the basic settings, the bearer of news, a cookie recipe',
];

describe('a line of the log', () => {
  it.each(SECRETS)('shows nothing of %s, in whatever it stands', (_what, text, secret) => {
    const { lines, log } = logLines('debug');
    const inner = new TypeError(`inner: ${text}`);
    log.info(text);
    log.info({ note: text, list: ['a', { deep: { deeper: [text] } }] }, 'event');
    log.info({ [`key ${text}`]: 1 }, 'event');
    log.error({ err: new Error(text, { cause: new Error('middle', { cause: inner }) }) }, 'failed');
    log.error({ err: new AggregateError([inner, new Error(`second\n${text}`)], 'all failed') }, 'failed');
    log.error(Object.assign(new Error('failed'), { response: { body: text } }));
    log.child({ note: text }).debug('%s and %j', text, { text });
    log.info(`first line\n${text}\n\t${text}`);
    // The logger knows the secrets of its environment; those of the test are known here alone.
    for (const line of lines.map(redact)) {
      expect(() => JSON.parse(line)).not.toThrow();
      expect(line).not.toContain(secret);
    }
    expect(lines).toHaveLength(8);
    expect(redact(`not JSON: ${text}`)).not.toContain(secret);
  });

  it.each(KEPT)('stays as it is with «%s»', (text) => {
    expect(redact(JSON.stringify({ level: 30, time: 1763757600123, pid: 1234567, msg: text }))).toContain(
      `"time":1763757600123,"pid":1234567,"msg":"${text}"`,
    );
  });

  it('masks fields by name in any spelling and at any depth, but says whether there was something', () => {
    const line = JSON.stringify({
      a: { b: { c: { accessToken: 'x1', 'X-Api-Key': 'x2', user_id: 'x3', Identity: 'x4' } } },
      'lk.pii.user_input': 'x5',
      dataTools: { plan: 'x6' },
      token: null,
      password: true,
      tokens: 12,
    });
    const masked = redact(line);
    expect(masked).not.toMatch(/x[1-6]/);
    expect(JSON.parse(masked)).toMatchObject({ token: null, password: true, tokens: 12 });
  });

  it('stays a line of JSON, whatever it says', () => {
    const secret = fc.constantFrom(...SECRETS.map(([, text]) => text));
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), secret)), fc.json(), (parts, json) => {
        const line = `${JSON.stringify({ msg: parts.join(' '), parts, json, at: JSON.parse(json) })}\n`;
        const masked = redact(line);
        expect(() => JSON.parse(masked)).not.toThrow();
        expect(masked.endsWith('}\n')).toBe(true);
        expect(redact(masked)).toBe(masked);
      }),
      { numRuns: 500 },
    );
  });

  it('of many lines, each is masked', () => {
    const line = JSON.stringify({ token: 'x1', msg: 'event' });
    expect(redact(`${line}\n${line}\nplain 612345678\n`)).not.toMatch(/x1|612345678/);
  });
});

import { expect, it } from 'vitest';
import { logLines } from '../support/log-lines.ts';

const SECRET = 'hunter2-of-the-tests';

const FIELDS = [
  'authorization',
  'Authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'X-API-Key',
  'token',
  'apiKey',
  'apiSecret',
  'secret',
  'password',
  'dataTools',
  'data_tools',
  'text',
  'transcript',
];

it.each(FIELDS)('masks «%s» in the line, in an object of it and in an object of that one', (field) => {
  const { lines, log } = logLines();
  log.info({ [field]: SECRET, kept: 1 }, 'event');
  log.info({ request: { [field]: SECRET, kept: 1 } }, 'event');
  log.info({ request: { headers: { [field]: SECRET, kept: 1 } } }, 'event');
  expect(lines).toHaveLength(3);
  for (const line of lines) {
    expect(line).not.toContain(SECRET);
    expect(line).toContain(`"${field}":"[redacted]"`);
    expect(line).toContain('"kept":1');
  }
});

it('masks the headers that a failed request carries', () => {
  const { lines, log } = logLines();
  const failed = Object.assign(new Error('refused'), { headers: { authorization: `Bearer ${SECRET}` } });
  log.error({ err: failed, code: 'CHARLA_PROVIDER_FAILED' }, 'request failed');
  expect(lines.join('')).not.toContain(SECRET);
  expect(JSON.parse(lines.join(''))).toMatchObject({
    err: { message: 'refused', headers: { authorization: '[redacted]' } },
  });
});

it('masks what a child logger carries', () => {
  const { lines, log } = logLines();
  log.child({ session: 's1', token: SECRET }).info('event');
  expect(lines.join('')).not.toContain(SECRET);
  expect(JSON.parse(lines.join(''))).toMatchObject({ session: 's1', token: '[redacted]' });
});

it('masks whole objects of data tools', () => {
  const { lines, log } = logLines();
  log.info({ session: { id: 's1', dataTools: { user_context: { name: SECRET } } } }, 'event');
  expect(JSON.parse(lines.join('')).session).toEqual({ id: 's1', dataTools: '[redacted]' });
});

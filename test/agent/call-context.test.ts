import { RoomEvent } from '@livekit/rtc-node';
import { expect, it } from 'vitest';
import { type CallContext, watchCallContext } from '../../src/agent/call-context.ts';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { encodeRoomMetadata } from '../../src/rooms/metadata.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { serve } from '../inference/support.ts';
import { TestRoom } from './room.ts';

const log = createLogger('test', 'silent');
const session = { id: 's-1', userId: 'ana', profile: 'default', channel: 'browser', language: 'en' } as const;

/** The HTTP API on loopback: answers with `answer`, or with 500 while there is none. */
async function api(answer: () => unknown, etag?: string) {
  const asked: { url: string; authorization: string }[] = [];
  const { url } = await serve((request, response) => {
    asked.push({ url: request.url ?? '', authorization: request.headers.authorization ?? '' });
    const body = answer();
    response
      .writeHead(body === undefined ? 500 : 200, etag === undefined ? {} : { etag })
      .end(JSON.stringify(body));
  });
  return { config: loadConfig({ NODE_ENV: 'test', PORT: new URL(url).port }), asked };
}

/** What a call that begins with this metadata knows. */
async function read(metadata: string, config: Config): Promise<CallContext> {
  const room = new TestRoom();
  const context = await watchCallContext(room.asRoom(), config, log).read(metadata);
  room.emit(RoomEvent.Disconnected);
  return context;
}

/** A call that has begun, and what it was told since. */
async function follow(metadata: string, config: Config) {
  const room = new TestRoom();
  const told: CallContext[] = [];
  const changes = watchCallContext(room.asRoom(), config, log);
  const first = await changes.read(metadata);
  changes.use(async (context) => void told.push(context));
  const change = (next: string) => room.emit(RoomEvent.RoomMetadataChanged, next);
  return { room, told, first, change };
}

it('small data tools are read from the room alone', async () => {
  const { config, asked } = await api(() => ({}));
  const metadata = encodeRoomMetadata({ session, dataTools: { cart: ['laptop'] } });
  expect(await read(metadata, config)).toEqual({ session, dataTools: { cart: ['laptop'] }, profile: {} });
  expect(asked).toEqual([]);
});

it('what does not travel in the room is fetched with a token of the agent’s own', async () => {
  const all = { cart: ['laptop'], private: { plan: 'gold' } };
  const { config, asked } = await api(() => all);
  const metadata = encodeRoomMetadata({ session, dataTools: all });
  expect(metadata).not.toContain('gold');
  expect((await read(metadata, config)).dataTools).toEqual(all);
  expect(asked).toEqual([
    { url: '/session/s-1/data-tools', authorization: expect.stringMatching(/^Bearer \S+$/) },
  ]);
});

it('the revision that it knows is the one of its data tools', async () => {
  const { config } = await api(() => ({ note: 'fetched' }), '"4"');
  const small = encodeRoomMetadata({ session, dataTools: { n: 1 }, revision: 2 });
  const { first, told, change } = await follow(small, config);
  expect(first.revision).toBe(2);
  change(encodeRoomMetadata({ session, dataTools: { note: 'x'.repeat(40_000) }, revision: 3 }));
  // Somebody has changed them once more since.
  await expect.poll(() => told.at(-1)).toMatchObject({ dataTools: { note: 'fetched' }, revision: 4 });
});

it('large data tools are fetched too, and are nowhere in the metadata', async () => {
  const all = { note: 'x'.repeat(40_000) };
  const { config } = await api(() => all);
  const metadata = encodeRoomMetadata({ session, dataTools: all });
  expect(metadata.length).toBeLessThan(1_000);
  expect((await read(metadata, config)).dataTools).toEqual(all);
});

it('the settings of the profile are fetched where the metadata say that there are some', async () => {
  const settings = { instructions: 'Be brief.', tools: { update_data: { allowed: true, confirm: true } } };
  const { config, asked } = await api(() => ({ name: 'default', settings }));
  const metadata = encodeRoomMetadata({ session, dataTools: {}, hasProfile: true });
  expect((await read(metadata, config)).profile).toEqual(settings);
  expect(asked.map(({ url }) => url)).toEqual(['/profiles/default']);
});

it('while something cannot be fetched the call goes on with what it has, and gets the rest when it can be had', async () => {
  let answer: unknown;
  const { config } = await api(() => answer);
  const first = encodeRoomMetadata({ session, dataTools: { cart: ['laptop'] }, revision: 1 });
  const { told, change } = await follow(first, config);
  change(
    encodeRoomMetadata({ session, dataTools: { cart: ['mouse'], private: { plan: 'gold' } }, revision: 2 }),
  );
  await expect.poll(() => told.at(-1)?.dataTools, { timeout: 8_000 }).toEqual({ cart: ['mouse'] });
  answer = { cart: ['mouse'], private: { plan: 'gold' } };
  await expect.poll(() => told.at(-1)?.dataTools, { timeout: 8_000 }).toEqual(answer);
  answer = undefined;
  change(
    encodeRoomMetadata({ session, dataTools: { cart: ['silla'], private: { plan: 'gold' } }, revision: 3 }),
  );
  // What is hidden is still the last that was known of it.
  await expect
    .poll(() => told.at(-1)?.dataTools, { timeout: 8_000 })
    .toEqual({ cart: ['silla'], private: { plan: 'gold' } });
}, 30_000);

it('a call begins with what the room says when the API fails', async () => {
  const { config } = await api(() => undefined);
  const dataTools = { cart: ['laptop'], private: { plan: 'gold' } };
  const context = await read(encodeRoomMetadata({ session, dataTools, hasProfile: true }), config);
  expect(context).toEqual({ session, dataTools: { cart: ['laptop'] }, profile: {} });
});

it('what was private and is no more is forgotten', async () => {
  const all = { cart: ['laptop'], private: { plan: 'gold' } };
  const { config } = await api(() => all);
  const { told, change } = await follow(encodeRoomMetadata({ session, dataTools: all, revision: 1 }), config);
  change(encodeRoomMetadata({ session, dataTools: { cart: ['laptop'] }, revision: 2 }));
  await expect.poll(() => told.at(-1)?.dataTools).toEqual({ cart: ['laptop'] });
});

it('an older revision than the one it has is of no use, but for another session', async () => {
  const { config } = await api(() => ({}));
  const at = (revision: number, id = 's-1') =>
    encodeRoomMetadata({ session: { ...session, id }, dataTools: { revision, id }, revision });
  const { told, change } = await follow(at(5), config);
  change(at(4));
  change(at(5));
  change(at(6));
  change(at(3));
  change(at(1, 's-2'));
  await expect.poll(() => told.map(({ dataTools }) => dataTools)).toContainEqual({ revision: 1, id: 's-2' });
  expect(told.some(({ dataTools }) => dataTools.id === 's-1' && dataTools.revision !== 6)).toBe(false);
});

it('a room that is not ours has an anonymous caller without data', async () => {
  const { config } = await api(() => ({}));
  for (const metadata of ['', 'junk', '{"v":9}']) {
    const context = await read(metadata, config);
    expect(context).toMatchObject({ session: { userId: 'anonymous', language: 'es' }, dataTools: {} });
  }
});

it('the newest change is told, also one before anybody asked, and after one that could not be used', async () => {
  const { config } = await api(() => ({}));
  const room = new TestRoom();
  const told: CallContext['dataTools'][] = [];
  const changes = watchCallContext(room.asRoom(), config, log);
  const change = (n: number) =>
    room.emit(RoomEvent.RoomMetadataChanged, encodeRoomMetadata({ session, dataTools: { n } }));
  change(1);
  changes.use(async ({ dataTools }) => {
    told.push(dataTools);
    if (dataTools.n === 2) throw new Error('cannot be used');
  });
  await expect.poll(() => told).toEqual([{ n: 1 }]);
  change(2);
  await expect.poll(() => told).toEqual([{ n: 1 }, { n: 2 }]);
  change(3);
  await expect.poll(() => told).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});

import { RoomEvent } from '@livekit/rtc-node';
import { expect, it } from 'vitest';
import { type CallContext, readCallContext, watchCallContext } from '../../src/agent/call-context.ts';
import { loadConfig } from '../../src/config/config.ts';
import { encodeRoomMetadata } from '../../src/rooms/metadata.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { serve } from '../inference/support.ts';
import { TestRoom } from './room.ts';

const log = createLogger('test', 'silent');
const session = { id: 's-1', userId: 'ana', profile: 'default', channel: 'browser', language: 'en' } as const;

/** The HTTP API on loopback: answers with `answer`, or with 500 while there is none. */
async function api(answer: () => unknown) {
  const asked: { url: string; authorization: string }[] = [];
  const { url } = await serve((request, response) => {
    asked.push({ url: request.url ?? '', authorization: request.headers.authorization ?? '' });
    const body = answer();
    response.writeHead(body === undefined ? 500 : 200).end(JSON.stringify(body));
  });
  return { config: loadConfig({ NODE_ENV: 'test', PORT: new URL(url).port }), asked };
}

it('small data tools are read from the room alone', async () => {
  const { config, asked } = await api(() => ({}));
  const metadata = encodeRoomMetadata({ session, dataTools: { cart: ['laptop'] } });
  expect(await readCallContext(metadata, config, log)).toEqual({ session, dataTools: { cart: ['laptop'] } });
  expect(asked).toEqual([]);
});

it('what does not travel in the room is fetched with a token of the agent’s own', async () => {
  const all = { cart: ['laptop'], private: { plan: 'gold' } };
  const { config, asked } = await api(() => all);
  const metadata = encodeRoomMetadata({ session, dataTools: all });
  expect(metadata).not.toContain('gold');
  expect((await readCallContext(metadata, config, log)).dataTools).toEqual(all);
  expect(asked).toEqual([
    { url: '/session/s-1/data-tools', authorization: expect.stringMatching(/^Bearer \S+$/) },
  ]);
});

it('when that fails the call goes on with what the room says', async () => {
  const { config } = await api(() => undefined);
  const metadata = encodeRoomMetadata({
    session,
    dataTools: { cart: ['laptop'], private: { plan: 'gold' } },
  });
  expect((await readCallContext(metadata, config, log)).dataTools).toEqual({ cart: ['laptop'] });
});

it('a room that is not ours has an anonymous caller without data', async () => {
  const { config } = await api(() => ({}));
  for (const metadata of ['', 'junk', '{"v":9}']) {
    const context = await readCallContext(metadata, config, log);
    expect(context).toMatchObject({ session: { userId: 'anonymous', language: 'es' }, dataTools: {} });
  }
});

it('changes are told in their order, also those before anybody asked, and when one of them cannot be used', async () => {
  const { config } = await api(() => ({}));
  const room = new TestRoom();
  const told: CallContext['dataTools'][] = [];
  const changes = watchCallContext(room.asRoom(), config, log);
  const change = (n: number) =>
    room.emit(RoomEvent.RoomMetadataChanged, encodeRoomMetadata({ session, dataTools: { n } }));
  change(1);
  changes.use(async ({ dataTools }) => {
    if (dataTools.n === 2) throw new Error('cannot be used');
    told.push(dataTools);
  });
  change(2);
  change(3);
  await expect.poll(() => told).toEqual([{ n: 1 }, { n: 3 }]);
});

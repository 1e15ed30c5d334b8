import { AccessToken } from 'livekit-server-sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import {
  agentToken,
  CALL_TOLERANCE_SECONDS,
  PARTICIPANT_TOKEN_SECONDS,
  participantToken,
  verifyToken,
} from '../../src/rooms/tokens.ts';

const config = loadConfig({ NODE_ENV: 'test' });
const START = new Date('2026-01-01T12:00:00Z');

describe('who shows a token', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: START });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const setClock = (seconds: number) => vi.setSystemTime(START.getTime() + seconds * 1000);

  it('is the participant, until twelve hours after it has expired', async () => {
    const ana = { room: 'r1', identity: 'ana', session: 's1' };
    const { token, expiresAt } = await participantToken(config, ana);
    const bearer = { kind: 'participant', ...ana };
    expect(expiresAt.getTime() - START.getTime()).toBe(600_000);
    expect(await verifyToken(config, token)).toEqual(bearer);
    setClock(PARTICIPANT_TOKEN_SECONDS + CALL_TOLERANCE_SECONDS - 1);
    expect(await verifyToken(config, token)).toEqual(bearer);
    setClock(PARTICIPANT_TOKEN_SECONDS + CALL_TOLERANCE_SECONDS + 1);
    expect(await verifyToken(config, token)).toBeUndefined();
  });

  it('is an agent, also where the clock of its machine is some minutes behind ours', async () => {
    setClock(-4 * 60);
    const token = await agentToken(config);
    setClock(0);
    expect(await verifyToken(config, token)).toEqual({ kind: 'agent' });
  });

  it('is an agent only until it expires', async () => {
    const agent = new AccessToken(config.LIVEKIT_API_KEY, config.LIVEKIT_API_SECRET, { ttl: 60 });
    agent.addGrant({ agent: true });
    const token = await agent.toJwt();
    expect(await verifyToken(config, token)).toEqual({ kind: 'agent' });
    setClock(61);
    expect(await verifyToken(config, token)).toBeUndefined();
  });

  it('is nobody when another secret signed it, or when it opens no room', async () => {
    const forged = await participantToken(
      { ...config, LIVEKIT_API_SECRET: 'another-secret-of-thirty-two-letters' },
      { room: 'r1', identity: 'ana' },
    );
    expect(await verifyToken(config, forged.token)).toBeUndefined();
    const roomless = new AccessToken(config.LIVEKIT_API_KEY, config.LIVEKIT_API_SECRET, { identity: 'ana' });
    roomless.addGrant({ roomList: true });
    expect(await verifyToken(config, await roomless.toJwt())).toBeUndefined();
    expect(await verifyToken(config, 'junk')).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { encodeRoomMetadata, INLINE_DATA_TOOLS_BYTES, parseRoomMetadata } from '../../src/rooms/metadata.ts';

const session = { id: 's1', userId: 'ana', profile: 'browser', channel: 'browser', language: 'es' } as const;

describe('room metadata', () => {
  it('carries the session and small data tools there and back', () => {
    const dataTools = { user_context: { name: 'Ana', tickets: ['#1234'] } };
    expect(parseRoomMetadata(encodeRoomMetadata({ session, dataTools }))).toEqual({
      v: 1,
      session,
      dataTools,
    });
  });

  it('never carries private data tools; it says that there is more', () => {
    const encoded = encodeRoomMetadata({ session, dataTools: { app: 1, private: { risk: 'high' } } });
    expect(encoded).not.toContain('risk');
    expect(parseRoomMetadata(encoded)).toEqual({ v: 1, session, dataTools: { app: 1 }, dataToolsRef: true });
  });

  it('leaves out what LiveKit would not take', () => {
    const encoded = encodeRoomMetadata({
      session,
      dataTools: { text: 'ñ'.repeat(INLINE_DATA_TOOLS_BYTES / 2) },
    });
    expect(parseRoomMetadata(encoded)).toEqual({ v: 1, session, dataToolsRef: true });
  });

  it('is undefined for what is not ours', () => {
    for (const junk of ['', 'x', '{}', '[]', 'null', '{"v":2,"session":{}}']) {
      expect(parseRoomMetadata(junk)).toBeUndefined();
    }
  });
});

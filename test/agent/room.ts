import { EventEmitter } from 'node:events';
import { ParticipantKind, type Room } from '@livekit/rtc-node';

/** What the code under test uses of a room: its events, who is in it, and the texts and data that were sent. */
export class TestRoom extends EventEmitter {
  readonly sent: { topic: string; value: unknown }[] = [];
  readonly remoteParticipants = new Map<string, TestParticipant>();
  readonly localParticipant: {
    identity: string;
    sendText: (text: string, to: { topic: string }) => unknown;
    publishData: (data: Uint8Array, to: { topic: string }) => unknown;
  };

  constructor(identity = 'agent-m') {
    super();
    this.localParticipant = {
      identity,
      sendText: async (text, { topic }) => {
        this.sent.push({ topic, value: JSON.parse(text) });
      },
      publishData: async (data, { topic }) => {
        this.sent.push({ topic, value: JSON.parse(Buffer.from(data).toString()) });
      },
    };
  }

  asRoom(): Room {
    return this as unknown as Room;
  }
}

export interface TestParticipant {
  identity: string;
  info: { kind: ParticipantKind };
  attributes: Record<string, string>;
}

export function agentNamed(name: string, identity: string): TestParticipant {
  return { identity, info: { kind: ParticipantKind.AGENT }, attributes: { 'lk.agent.name': name } };
}

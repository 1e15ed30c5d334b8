import {
  ConnectionState,
  DisconnectReason,
  Encryption_Type,
  ParticipantKind,
  type RemoteParticipant,
  Room,
  RoomEvent,
  type TextStreamHandler,
  type TextStreamReader,
} from 'livekit-client';

const AGENT = { kind: ParticipantKind.AGENT, attributes: {} } as RemoteParticipant;

/** The room of livekit-client without a server behind it: it connects, is lost and hears what the test says. */
export class FakeRoom extends Room {
  readonly handlers = new Map<string, TextStreamHandler>();
  readonly typed: string[] = [];
  /** What the next `connect` fails with. */
  refusal: Error | undefined;
  /** What opening the microphone fails with. */
  microphoneFailure: Error | undefined;

  constructor() {
    super();
    this.localParticipant.identity = 'person';
    this.localParticipant.setMicrophoneEnabled = async () => {
      if (this.microphoneFailure) throw this.microphoneFailure;
      return undefined;
    };
    this.localParticipant.sendText = async (text) => {
      this.typed.push(text);
      return {
        id: `typed-${this.typed.length}`,
        mimeType: 'text/plain',
        topic: 'lk.chat',
        timestamp: 0,
        encryptionType: Encryption_Type.NONE,
      };
    };
    this.connect = async () => {
      if (this.refusal) throw this.refusal;
      this.change(ConnectionState.Connected);
      this.emit(RoomEvent.Connected);
    };
    this.disconnect = async () => {
      if (this.state !== ConnectionState.Disconnected) this.lose(DisconnectReason.CLIENT_INITIATED);
    };
  }

  override registerTextStreamHandler(topic: string, handler: TextStreamHandler): void {
    this.handlers.set(topic, handler);
  }

  override unregisterTextStreamHandler(topic: string): void {
    this.handlers.delete(topic);
  }

  /** The connection is interrupted and LiveKit tries to mend it. */
  interrupt(): void {
    this.change(ConnectionState.SignalReconnecting);
    this.change(ConnectionState.Reconnecting);
  }

  mend(): void {
    this.change(ConnectionState.Connected);
  }

  /** The room is gone for good. */
  lose(reason?: DisconnectReason): void {
    this.change(ConnectionState.Disconnected);
    this.emit(RoomEvent.Disconnected, reason);
  }

  agentJoins(): void {
    this.emit(RoomEvent.ParticipantConnected, AGENT);
  }

  agentLeaves(): void {
    this.emit(RoomEvent.ParticipantDisconnected, AGENT);
  }

  /** A text stream arrives, chunk by chunk. */
  async hear(
    topic: string,
    identity: string,
    chunks: string[],
    attributes: Record<string, string> = {},
  ): Promise<void> {
    const reader = {
      info: { id: crypto.randomUUID(), mimeType: 'text/plain', topic, timestamp: 0, attributes },
      readAll: async () => chunks.join(''),
      async *[Symbol.asyncIterator]() {
        yield* chunks;
      },
    };
    await this.handlers.get(topic)?.(reader as unknown as TextStreamReader, { identity });
  }

  private change(state: ConnectionState): void {
    this.state = state;
    this.emit(RoomEvent.ConnectionStateChanged, state);
  }
}

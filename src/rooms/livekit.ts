import {
  AgentDispatchClient,
  type RoomServiceClient,
  ServerError,
  SipCallError,
  SipClient,
} from 'livekit-server-sdk';
import pRetry from 'p-retry';
import type { Config } from '../config/config.ts';
import { CharlaError, messageOf } from '../errors.ts';
import { KeptTokenRoomService } from './room-service.ts';

const TIMEOUT_SECONDS = 3;
const RETRY_AFTER_MS = 100;

export interface LiveKitClients {
  rooms: RoomServiceClient;
  dispatches: AgentDispatchClient;
  sip: SipClient;
}

/** livekit-server's API, with our time limit and our errors. */
export interface LiveKit {
  /**
   * @param operation - one request
   * @param options.idempotent - whether it may be sent twice: it is then repeated once when the connection failed
   * @throws CharlaError `CHARLA_LIVEKIT_UNAVAILABLE`, `CHARLA_LIVEKIT_UNAUTHORIZED`; a `ServerError` of the SDK for
   *   what the server says about the request itself ({@link isRoomGone}), a `SipCallError` for what a carrier says
   */
  request<T>(
    operation: (clients: LiveKitClients) => Promise<T>,
    options?: { idempotent?: boolean },
  ): Promise<T>;
}

/** Clients for the livekit-server of the configuration; connects to nothing yet. */
export function createLiveKit(config: Config): LiveKit {
  const url = config.LIVEKIT_URL.replace(/^ws/, 'http');
  const options = { requestTimeout: TIMEOUT_SECONDS };
  const clients: LiveKitClients = {
    rooms: new KeptTokenRoomService(url, config.LIVEKIT_API_KEY, config.LIVEKIT_API_SECRET, options),
    dispatches: new AgentDispatchClient(url, config.LIVEKIT_API_KEY, config.LIVEKIT_API_SECRET, options),
    sip: new SipClient(url, config.LIVEKIT_API_KEY, config.LIVEKIT_API_SECRET, options),
  };
  return {
    async request(operation, { idempotent = false } = {}) {
      try {
        return await pRetry(() => operation(clients), {
          retries: idempotent ? 1 : 0,
          minTimeout: RETRY_AFTER_MS,
          shouldRetry: ({ error }) => !(error instanceof ServerError) && !isTimeout(error),
        });
      } catch (error) {
        throw toCharlaError(error, config.LIVEKIT_URL);
      }
    },
  };
}

/** Whether livekit-server says that the room (or the participant, or the dispatch) is not there any more. */
export function isRoomGone(error: unknown): boolean {
  return error instanceof ServerError && error.status === 404;
}

function toCharlaError(error: unknown, url: string): unknown {
  // What the other end of a telephone line said is no fault of livekit-server, whatever its status.
  if (error instanceof SipCallError) return error;
  if (error instanceof ServerError) {
    if (error.status === 401 || error.status === 403) {
      return new CharlaError('CHARLA_LIVEKIT_UNAUTHORIZED', { url }, { cause: error });
    }
    if (error.status < 500 && error.status !== 429) return error;
  }
  return new CharlaError('CHARLA_LIVEKIT_UNAVAILABLE', { url, reason: reason(error) }, { cause: error });
}

function reason(error: unknown): string {
  if (isTimeout(error)) return `no answer within ${TIMEOUT_SECONDS} s`;
  if (error instanceof ServerError) return `it answered ${error.status}: ${error.message}`;
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') {
    return cause.code === 'ECONNREFUSED' ? 'nothing listens there' : cause.code;
  }
  return messageOf(error);
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

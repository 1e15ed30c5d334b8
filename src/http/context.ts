import type { CallStore } from '../calls/call-store.ts';
import type { PlacedCalls } from '../calls/placed-calls.ts';
import type { RecordingStore } from '../calls/recording-store.ts';
import type { Gateway } from '../channels/line.ts';
import type { Config } from '../config/config.ts';
import type { DataToolsHook } from '../integrations/data-tools-hook.ts';
import type { DataTools } from '../sessions/data-tools.ts';
import type { ProfileStore } from '../sessions/profile-store.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Access } from './access.ts';
import type { Conversations } from './conversations.ts';
import type { Health } from './health.ts';
import type { OutboundCalls } from './outbound-calls.ts';

/** What the routes work with; built once for each server. */
export interface HttpContext {
  config: Config;
  sessions: SessionStore;
  calls: CallStore;
  recordings: RecordingStore;
  placed: PlacedCalls;
  profiles: ProfileStore;
  access: Access;
  conversations: Conversations;
  outbound: OutboundCalls;
  /** Brings calls of carriers into rooms. */
  gateway: Gateway;
  /** undefined where DATA_TOOLS_URL is not set. */
  hook: DataToolsHook<DataTools> | undefined;
  health: () => Promise<Health>;
}

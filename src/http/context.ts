import type { CallStore } from '../calls/call-store.ts';
import type { Config } from '../config/config.ts';
import type { AgentWatch } from '../rooms/agent-watch.ts';
import type { LiveKit } from '../rooms/livekit.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';
import type { Conversations } from './conversations.ts';
import type { Health } from './health.ts';

/** What the routes work with; built once for each server. */
export interface HttpContext {
  config: Config;
  livekit: LiveKit;
  store: Store;
  sessions: SessionStore;
  watch: AgentWatch;
  access: Access;
  conversations: Conversations;
  calls: CallStore;
  profiles: ProfileStore;
  health: () => Promise<Health>;
}

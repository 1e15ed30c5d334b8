import type { Call, CallHistory } from '../calls/call.ts';
import type { CallStoreOptions } from '../calls/call-store.ts';
import { withoutPrivate } from '../config/private-key.ts';
import type { WebhookEvent } from '../integrations/webhook-outbox.ts';
import type { Webhooks } from '../integrations/webhooks.ts';
import type { Session } from '../sessions/session.ts';
import type { ChangedBy, SessionStoreOptions } from '../sessions/session-store.ts';
import { callHistory, callSummary } from './routes/calls.ts';

/** Options that have the stores of sessions and calls tell the receivers of webhooks; none where there are no receivers. */
export function tellingWebhooks(webhooks: Webhooks): {
  sessions: Pick<SessionStoreOptions, 'onUpdated'>;
  calls: Pick<CallStoreOptions, 'onStarted' | 'onEnded'>;
} {
  if (!webhooks.isOn) return { sessions: {}, calls: {} };
  return {
    sessions: { onUpdated: (db, session, by) => webhooks.enqueueWebhook(db, sessionUpdated(session, by)) },
    calls: {
      onStarted: (db, call) => webhooks.enqueueWebhook(db, callStarted(call)),
      onEnded: (db, call) => webhooks.enqueueWebhook(db, callEnded(call)),
    },
  };
}

/** Calls are told of as the routes of the history show them. */
function callStarted(call: Call): WebhookEvent {
  return { type: 'call.started', sessionId: call.sessionId, payload: callSummary(call) };
}

function callEnded(call: CallHistory): WebhookEvent {
  return { type: 'call.ended', sessionId: call.sessionId, payload: callHistory(call) };
}

/** What is private stays between the integrator's server and the agent. */
function sessionUpdated(session: Session, by: ChangedBy): WebhookEvent {
  return {
    type: 'session.updated',
    sessionId: session.id,
    payload: {
      session_id: session.id,
      user_id: session.userId,
      revision: session.revision,
      changed_by: by,
      data_tools: withoutPrivate(session.dataTools),
    },
  };
}

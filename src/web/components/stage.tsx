import { StartAudio } from '@livekit/components-react';
import { type StageState, useAgentState } from '../hooks/use-agent-state.ts';
import { useCountdown } from '../hooks/use-countdown.ts';
import { useCall, useServices } from '../hooks/use-services.tsx';
import { useMessages } from '../i18n/i18n.tsx';
import { format } from '../i18n/messages.ts';
import { isMicrophoneFailure } from '../state/microphone.ts';
import { describeProblem } from '../state/problem.ts';
import { Controls } from './controls.tsx';
import { Orb } from './orb.tsx';
import './stage.css';

/** The orb, what is going on in words, and the buttons of the call. */
export function Stage() {
  const messages = useMessages();
  const state = useAgentState();
  return (
    <section className="stage card" aria-label={messages.stage.label}>
      <Orb state={state} />
      <div className="stage-words">
        <p
          className="agent-state"
          data-testid="agent-state"
          data-state={state}
          role="status"
          aria-live="polite"
        >
          {messages.state[state]}
        </p>
        <Hint state={state} />
      </div>
      <Trouble />
      <StartAudio className="button button-primary start-audio" label={messages.stage.startAudio} />
      <Controls />
    </section>
  );
}

function Hint({ state }: { state: StageState }) {
  const { stage } = useMessages();
  const microphone = useCall(({ microphone: now }) => now);
  const hint =
    state === 'idle' || state === 'ended'
      ? stage.hint.idle
      : isMicrophoneFailure(microphone)
        ? stage.hint.typing
        : microphone === 'muted'
          ? stage.hint.muted
          : stage.hint.live;
  return <p className="stage-hint">{hint}</p>;
}

/** What is wrong, and what the person can do about it. */
function Trouble() {
  const messages = useMessages();
  const { call } = useServices();
  const phase = useCall((state) => state.phase);
  const problem = useCall((state) => state.problem);
  const microphone = useCall((state) => state.microphone);
  const seconds = useCountdown(useCall((state) => state.retryAt));
  if (problem && phase !== 'live') {
    return (
      <div className="trouble">
        <p role="alert">{describeProblem(problem, messages)}</p>
        {phase === 'retrying' && (
          <p className="trouble-retry">
            <span>{format(messages.stage.retryIn, { seconds })}</span>
            <button type="button" className="button-link" data-testid="retry" onClick={call.retryNow}>
              {messages.stage.retryNow}
            </button>
          </p>
        )}
      </div>
    );
  }
  if (phase === 'live' && isMicrophoneFailure(microphone)) {
    return (
      <div className="trouble" data-testid="microphone-problem">
        <p role="alert">{messages.microphone[microphone]}</p>
      </div>
    );
  }
  return null;
}

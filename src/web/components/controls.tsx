import { useCall, useServices } from '../hooks/use-services.tsx';
import { useShortcut } from '../hooks/use-shortcut.ts';
import { useMessages } from '../i18n/i18n.tsx';
import { isMicrophoneFailure } from '../state/microphone.ts';
import { HangUpIcon, MicrophoneIcon, MicrophoneOffIcon, PhoneIcon } from './icons.tsx';
import './controls.css';

/** Call, mute and hang up. M mutes too. */
export function Controls() {
  const { call } = useServices();
  const phase = useCall((state) => state.phase);
  return phase === 'idle' || phase === 'ended' ? (
    <div className="controls">
      <button type="button" className="button button-primary" data-testid="connect" onClick={call.start}>
        <PhoneIcon />
        <CallWord again={phase === 'ended'} />
      </button>
    </div>
  ) : (
    <CallControls />
  );
}

function CallWord({ again }: { again: boolean }) {
  const { stage } = useMessages();
  return <span>{again ? stage.callAgain : stage.call}</span>;
}

function CallControls() {
  const { call } = useServices();
  const { stage } = useMessages();
  const microphone = useCall((state) => state.microphone);
  const phase = useCall((state) => state.phase);
  const live = phase === 'live' || phase === 'reconnecting';
  const failed = live && isMicrophoneFailure(microphone);
  const on = !live || microphone === 'on' || microphone === 'asking';
  const toggle = () => {
    if (live) void call.toggleMicrophone();
  };
  useShortcut('m', toggle);
  return (
    <div className="controls">
      {phase !== 'retrying' && (
        <button
          type="button"
          className={on ? 'button button-soft' : 'button button-warn'}
          data-testid="mute"
          aria-pressed={!on}
          disabled={!live}
          aria-keyshortcuts="M"
          title={`${failed ? stage.askMicrophone : on ? stage.mute : stage.unmute} (M)`}
          aria-label={failed ? stage.askMicrophone : stage.mute}
          onClick={toggle}
        >
          {on ? <MicrophoneIcon /> : <MicrophoneOffIcon />}
          <span>{failed ? stage.askMicrophone : on ? stage.muteShort : stage.unmuteShort}</span>
        </button>
      )}
      <button type="button" className="button button-danger" data-testid="hangup" onClick={call.hangUp}>
        <HangUpIcon />
        <span>{stage.hangUp}</span>
      </button>
    </div>
  );
}

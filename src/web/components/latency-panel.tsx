import type { CSSProperties } from 'react';
import { useConversation } from '../hooks/use-services.tsx';
import { useMessages } from '../i18n/i18n.tsx';
import { format } from '../i18n/messages.ts';
import { medianVoiceToVoice, STAGES, stagesOf, type Turn } from '../state/turns.ts';
import './latency-panel.css';

/** How long each answer took, and where the time went; the newest first. */
export function LatencyPanel() {
  const { latency } = useMessages();
  const turns = useConversation((state) => state.turns);
  const slowest = Math.max(...turns.map(({ voiceToVoiceMs }) => voiceToVoiceMs ?? 0), 1);
  const last = turns.at(-1)?.voiceToVoiceMs;
  return (
    <div className="latency-panel" data-testid="latency">
      <h2 className="panel-title">{latency.label}</h2>
      <p className="panel-help">{latency.help}</p>
      {turns.length === 0 ? (
        <p className="empty">{latency.empty}</p>
      ) : (
        <>
          <dl className="latency-figures">
            <Figure name={latency.last} ms={last} />
            <Figure name={latency.median} ms={medianVoiceToVoice(turns)} />
          </dl>
          <ul className="latency-legend" aria-hidden="true">
            {STAGES.map((stage) => (
              <li key={stage} className={`stage-${stage}`}>
                {latency.stage[stage]}
              </li>
            ))}
          </ul>
          <ol className="latency-turns">
            {turns.toReversed().map((turn) => (
              <TurnRow key={turn.turn} turn={turn} slowest={slowest} />
            ))}
          </ol>
        </>
      )}
    </div>
  );
}

function Figure({ name, ms }: { name: string; ms: number | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {ms === undefined ? '–' : Math.round(ms)} <small>ms</small>
      </dd>
    </div>
  );
}

function TurnRow({ turn, slowest }: { turn: Turn; slowest: number }) {
  const { latency } = useMessages();
  const stages = stagesOf(turn);
  const width = { '--width': (turn.voiceToVoiceMs ?? slowest) / slowest } as CSSProperties;
  return (
    <li className="latency-turn" data-testid="latency-turn">
      <div className="latency-turn-head">
        <span>{format(latency.turn, { turn: turn.turn })}</span>
        <strong>{turn.voiceToVoiceMs === undefined ? '–' : `${Math.round(turn.voiceToVoiceMs)} ms`}</strong>
      </div>
      <div className="latency-bar" style={width}>
        {stages.map(({ stage, ms, share }) => (
          <span
            key={stage}
            className={`stage-${stage}`}
            style={{ flexGrow: share }}
            title={`${latency.stage[stage]}: ${Math.round(ms)} ms`}
          />
        ))}
      </div>
      <p className="latency-stages">
        {stages.map(({ stage, ms }) => `${latency.stage[stage]} ${Math.round(ms)}`).join(' · ')}
      </p>
    </li>
  );
}

import { useLocalParticipant, useVoiceAssistant } from '@livekit/components-react';
import type { LocalAudioTrack, RemoteAudioTrack } from 'livekit-client';
import { useEffect, useRef } from 'react';
import type { StageState } from '../hooks/use-agent-state.ts';
import { useMediaQuery } from '../hooks/use-media-query.ts';
import { useAppearance } from '../hooks/use-services.tsx';
import { useSoundLevel } from '../hooks/use-sound-level.ts';
import { useMessages } from '../i18n/i18n.tsx';
import { type OrbFrame, paintOrb, readOrbColors } from './orb-painter.ts';
import './orb.css';

/** How much of the way to the new level one frame goes, up and down: speech starts at once and dies away. */
const ATTACK = 0.5;
const DECAY = 0.12;
/** Frames between two drawings where the person wants no motion: levels show, nothing moves. */
const STILL_EVERY = 12;

/** The orb, drawn from the real level of the agent's voice and of the microphone. */
export function Orb({ state }: { state: StageState }) {
  const messages = useMessages();
  const { theme } = useAppearance();
  const canvas = useRef<HTMLCanvasElement>(null);
  const still = useMediaQuery('(prefers-reduced-motion: reduce)');
  const { audioTrack } = useVoiceAssistant();
  const { microphoneTrack } = useLocalParticipant();
  const agentLevel = useSoundLevel(audioTrack?.publication.track as RemoteAudioTrack | undefined);
  const microphoneLevel = useSoundLevel(microphoneTrack?.track as LocalAudioTrack | undefined);
  const current = useRef(state);
  current.current = state;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme changes the colours that are read
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const colors = readOrbColors(element);
    const frame: OrbFrame = {
      time: 0,
      agentLevel: 0,
      microphoneLevel: 0,
      presence: 0,
      state: current.current,
    };
    let frames = 0;
    let request = 0;
    const draw = (now: number) => {
      request = requestAnimationFrame(draw);
      frames += 1;
      if (still && frames % STILL_EVERY !== 1) return;
      frame.time = still ? 0 : now / 1000;
      frame.state = current.current;
      frame.agentLevel = approach(frame.agentLevel, agentLevel());
      frame.microphoneLevel = approach(frame.microphoneLevel, microphoneLevel());
      frame.presence += (presenceOf(frame.state) - frame.presence) * (still ? 1 : 0.06);
      const size = fitToPixels(element, context);
      paintOrb(context, size, frame, colors);
    };
    request = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(request);
  }, [still, theme, agentLevel, microphoneLevel]);

  return <canvas ref={canvas} className="orb" role="img" aria-label={messages.stage.orb} />;
}

function approach(from: number, to: number): number {
  return from + (to - from) * (to > from ? ATTACK : DECAY);
}

function presenceOf(state: StageState): number {
  if (['listening', 'speaking', 'thinking', 'interrupted'].includes(state)) return 1;
  return state === 'idle' || state === 'ended' || state === 'retrying' || state === 'failed' ? 0.15 : 0.5;
}

/** Gives the canvas as many pixels as the screen has where it lies; returns its side in CSS pixels. */
function fitToPixels(element: HTMLCanvasElement, context: CanvasRenderingContext2D): number {
  const size = element.clientWidth;
  const ratio = window.devicePixelRatio;
  const pixels = Math.round(size * ratio);
  if (element.width !== pixels || element.height !== pixels) {
    element.width = pixels;
    element.height = pixels;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return size;
}

import type { StageState } from '../hooks/use-agent-state.ts';

/** What the orb looks like at one moment. */
export interface OrbFrame {
  /** seconds since the orb appeared; stands still where motion is not wanted */
  time: number;
  /** 0 to 1, smoothed */
  agentLevel: number;
  /** 0 to 1, smoothed */
  microphoneLevel: number;
  /** 0 (nobody there) to 1 (in a call), smoothed */
  presence: number;
  state: StageState;
}

/** Colours of the orb as `r g b`, from the theme's custom properties. */
export interface OrbColors {
  from: string;
  to: string;
  highlight: string;
}

const BARS = 60;
const CORNERS = 72;

/**
 * Draws the orb: a soft body that swells with the agent's voice, and around it a ring of bars that the person's own
 * voice lifts.
 *
 * @param size - side of the square canvas in CSS pixels; `context` is already scaled to them
 */
export function paintOrb(
  context: CanvasRenderingContext2D,
  size: number,
  frame: OrbFrame,
  colors: OrbColors,
): void {
  const centre = size / 2;
  const breath = Math.sin(frame.time * 1.3) * 0.012;
  const radius = size * (0.245 + breath + frame.agentLevel * 0.045);
  context.clearRect(0, 0, size, size);
  context.save();
  context.translate(centre, centre);
  paintGlow(context, radius, centre, frame, colors);
  paintRing(context, size, frame, colors);
  paintBody(context, radius, frame, colors);
  context.restore();
}

/** Reads the theme's orb colours. */
export function readOrbColors(element: Element): OrbColors {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return { from: read('--orb-from'), to: read('--orb-to'), highlight: read('--orb-highlight') };
}

function paintGlow(
  context: CanvasRenderingContext2D,
  radius: number,
  reach: number,
  { agentLevel, presence }: OrbFrame,
  { from, to }: OrbColors,
): void {
  const glow = context.createRadialGradient(0, 0, radius * 0.6, 0, 0, reach);
  const strength = 0.1 + presence * 0.16 + agentLevel * 0.26;
  glow.addColorStop(0, rgba(to, strength));
  glow.addColorStop(0.55, rgba(from, strength * 0.34));
  glow.addColorStop(1, rgba(from, 0));
  context.fillStyle = glow;
  context.fillRect(-reach, -reach, reach * 2, reach * 2);
}

function paintRing(
  context: CanvasRenderingContext2D,
  size: number,
  { time, microphoneLevel, presence, state }: OrbFrame,
  { from, to }: OrbColors,
): void {
  const inner = size * 0.365;
  const sweep = state === 'thinking' || state === 'starting' || state === 'connecting' ? 1 : 0;
  context.lineCap = 'round';
  context.lineWidth = Math.max(1.5, size * 0.0085);
  for (let bar = 0; bar < BARS; bar += 1) {
    const turn = bar / BARS;
    const angle = turn * Math.PI * 2 - Math.PI / 2;
    const ripple =
      0.45 + 0.55 * Math.abs(Math.sin(turn * Math.PI * 7 + time * 3.1) * Math.cos(turn * 23 - time * 1.7));
    const length = size * (0.004 + microphoneLevel * ripple * 0.085);
    // While the agent works, one lit arc goes round.
    const behind = (((time * 0.42 - turn) % 1) + 1) % 1;
    const lit = sweep * Math.max(0, 1 - behind * 2.6);
    const alpha = Math.min(1, 0.1 + presence * 0.16 + microphoneLevel * 0.55 + lit * 0.6);
    context.strokeStyle = rgba(turn < 0.5 ? from : to, alpha);
    context.beginPath();
    context.moveTo(Math.cos(angle) * inner, Math.sin(angle) * inner);
    context.lineTo(Math.cos(angle) * (inner + length), Math.sin(angle) * (inner + length));
    context.stroke();
  }
}

function paintBody(
  context: CanvasRenderingContext2D,
  radius: number,
  frame: OrbFrame,
  { from, to, highlight }: OrbColors,
): void {
  const { time, agentLevel, presence, state } = frame;
  const haste = state === 'thinking' ? 2.1 : 1;
  const wobble = 0.018 + presence * 0.014 + agentLevel * 0.1;
  const layers = [
    { scale: 1.13, alpha: 0.2, speed: 0.55, phase: 0 },
    { scale: 1.05, alpha: 0.38, speed: -0.75, phase: 2.1 },
    { scale: 0.97, alpha: 0.96, speed: 0.95, phase: 4.2 },
  ];
  for (const { scale, alpha, speed, phase } of layers) {
    const turned = time * speed * 0.6 * haste + phase;
    const fill = context.createLinearGradient(
      -Math.cos(turned) * radius,
      -Math.sin(turned) * radius,
      Math.cos(turned) * radius,
      Math.sin(turned) * radius,
    );
    const opacity = alpha * (0.5 + presence * 0.5);
    fill.addColorStop(0, rgba(from, opacity));
    fill.addColorStop(1, rgba(to, opacity));
    context.fillStyle = fill;
    tracePetal(context, radius * scale, wobble, time * speed * haste + phase);
    context.fill();
  }
  const shine = context.createRadialGradient(
    -radius * 0.32,
    -radius * 0.42,
    0,
    -radius * 0.2,
    -radius * 0.25,
    radius,
  );
  shine.addColorStop(0, rgba(highlight, 0.5 + agentLevel * 0.2));
  shine.addColorStop(0.55, rgba(highlight, 0.08));
  shine.addColorStop(1, rgba(highlight, 0));
  context.fillStyle = shine;
  tracePetal(context, radius * 0.97, wobble, time * 0.95 * haste + 4.2);
  context.fill();
}

/** A circle whose edge goes in and out in three slow waves. */
function tracePetal(context: CanvasRenderingContext2D, radius: number, wobble: number, turned: number): void {
  context.beginPath();
  for (let corner = 0; corner <= CORNERS; corner += 1) {
    const angle = (corner / CORNERS) * Math.PI * 2;
    const wave =
      Math.sin(angle * 2 + turned) * 0.5 +
      Math.sin(angle * 3 - turned * 1.4) * 0.3 +
      Math.sin(angle * 5 + turned * 0.8) * 0.2;
    const reach = radius * (1 + wave * wobble);
    context.lineTo(Math.cos(angle) * reach, Math.sin(angle) * reach);
  }
  context.closePath();
}

function rgba(rgb: string, alpha: number): string {
  return `rgb(${rgb} / ${alpha.toFixed(3)})`;
}

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { JitterEvent } from './jitter-buffer.ts';

export interface GatewayMetrics {
  /** Frames of 20 ms to (`room`) or from (`line`) the agent. */
  frames(event: JitterEvent, towards: 'room' | 'line', frames: number): void;
  /** How much too late the clock of the frames came, ms. */
  late(ms: number): void;
}

/** From what no telephone notices to a gap, s. */
const LATE_BUCKETS = [0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16];

/** Registers what is to be known of carriers' calls. @param calls - how many run */
export function registerGatewayMetrics(registry: Registry, calls: () => number): GatewayMetrics {
  new Gauge({
    name: 'gateway_calls',
    help: "Carriers' calls that this process brings into rooms now.",
    registers: [registry],
    collect() {
      this.set(calls());
    },
  });
  const frames = new Counter({
    name: 'gateway_frames_total',
    help: 'Frames of 20 ms that were left out because there was too much sound, or that silence stands for.',
    labelNames: ['event', 'towards'],
    registers: [registry],
  });
  for (const event of ['dropped', 'concealed'])
    for (const towards of ['room', 'line']) frames.inc({ event, towards }, 0);
  const late = new Histogram({
    name: 'gateway_pacing_late_seconds',
    help: 'How much too late the clock of the frames came, each 20 ms while there is a call.',
    buckets: LATE_BUCKETS,
    registers: [registry],
  });
  return {
    frames: (event, towards, count) => frames.inc({ event, towards }, count),
    late: (ms) => late.observe(ms / 1000),
  };
}

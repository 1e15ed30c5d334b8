import type { Mechanism } from '../../src/config/mechanisms.ts';

/** A pipeline under measurement: a LiveKit Agents worker that the bench starts. */
export interface Contestant {
  /** In tables. */
  name: string;
  /** Under which it registers, and by which rooms ask for it. */
  agentName: string;
  /** Script and arguments for Node.js. */
  script: readonly string[];
  /** Over what every worker gets. */
  env: Readonly<Record<string, string>>;
  /** A line of its output without which it is not at its usual speed yet. */
  settledLine?: string;
}

/** The line that a worker writes once its phrases are in the speech cache. */
const PHRASES_READY = 'the phrases of the agent are ready to be heard';

/** A bench's callers hear the same answers again and again; from the third time on they would come from the cache. */
const UNLEARNED: Mechanism = 'learned-speech';

/** Charla's own worker. */
export const CHARLA: Contestant = {
  name: 'charla',
  agentName: 'bench-charla',
  script: ['src/cli/main.ts', 'worker', '--drain', '1'],
  env: { SWITCHED_OFF: UNLEARNED },
  settledLine: PHRASES_READY,
};

/** Charla with one mechanism switched off. */
export function without(mechanism: Mechanism): Contestant {
  const { settledLine, ...charla } = CHARLA;
  return {
    ...charla,
    name: `without ${mechanism}`,
    agentName: `${CHARLA.agentName}-${mechanism}`,
    env: { SWITCHED_OFF: `${UNLEARNED},${mechanism}` },
    // Without its cache nothing is made ready.
    ...(mechanism !== 'speech-cache' && settledLine !== undefined && { settledLine }),
  };
}

/** The pipeline of LiveKit's documentation with its defaults, which refuses calls when the processor is busy. */
export const STOCK: Contestant = {
  name: 'stock',
  agentName: 'bench-stock',
  script: ['bench/stock.ts', 'start'],
  env: {},
};

/** The same, but it takes every call: where turns are measured, a refused one would be no measurement. */
export const STOCK_TAKES_ALL: Contestant = { ...STOCK, env: { STOCK_TAKES_ALL_CALLS: '1' } };

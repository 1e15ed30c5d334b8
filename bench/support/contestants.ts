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

/** Charla's own worker. Variants of it (a mechanism switched off) are copies with another name and environment. */
export const CHARLA: Contestant = {
  name: 'charla',
  agentName: 'bench-charla',
  script: ['src/cli/main.ts', 'worker', '--drain', '1'],
  env: {},
  settledLine: 'the phrases of the agent are ready to be heard',
};

/** The pipeline of LiveKit's documentation with its defaults, which refuses calls when the processor is busy. */
export const STOCK: Contestant = {
  name: 'stock',
  agentName: 'bench-stock',
  script: ['bench/stock.ts', 'start'],
  env: {},
};

/** The same, but it takes every call: where turns are measured, a refused one would be no measurement. */
export const STOCK_TAKES_ALL: Contestant = { ...STOCK, env: { STOCK_TAKES_ALL_CALLS: '1' } };

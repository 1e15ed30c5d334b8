import type { AgentDispatch, ParticipantInfo } from 'livekit-server-sdk';
import pLimit from 'p-limit';
import type { Logger } from '../telemetry/log.ts';
import { isRoomGone, type LiveKit } from './livekit.ts';

/** Kind of a participant that is an agent (`ParticipantInfo.Kind.AGENT`, which the SDK does not export as a value). */
const KIND_AGENT = 4;

export interface AgentWatchOptions {
  /** First look after the room is opened: a worker with room has taken the job before, on an idle machine. ms */
  firstLookMs?: number;
  /** livekit-server may still be offering a dispatch younger than this to workers. ms */
  offeringMs?: number;
  /** Looks get rarer up to this far apart. ms */
  slowestLookMs?: number;
  /** A job that has brought no agent into the room after this long is given up. Processes start in up to 12 s. ms */
  jobStartMs?: number;
}

const DEFAULTS = {
  firstLookMs: 2_000,
  offeringMs: 5_000,
  slowestLookMs: 15_000,
  jobStartMs: 30_000,
} as const;
/** Looks at livekit-server at once, whatever the number of rooms. */
const CONCURRENT_LOOKS = 4;

/**
 * Sees to it that no room stays without an agent. When every worker is full, livekit-server logs «no servers available»
 * and forgets the dispatch; the person in the room would wait for ever. Each room handed to {@link AgentWatch.watch} is
 * looked at until an agent is in it or the room is gone; a dispatch that no worker took is made anew.
 */
export class AgentWatch {
  readonly #livekit: LiveKit;
  readonly #agentName: string;
  readonly #log: Logger;
  readonly #options: Required<AgentWatchOptions>;
  readonly #rooms = new Set<string>();
  /** Of rooms between two looks, with what ends the wait; not one signal for all, which takes the longer the more wait. */
  readonly #waits = new Map<NodeJS.Timeout, (isOver: boolean) => void>();
  #isClosed = false;
  readonly #limit = pLimit(CONCURRENT_LOOKS);

  constructor(livekit: LiveKit, agentName: string, log: Logger, options: AgentWatchOptions = {}) {
    this.#livekit = livekit;
    this.#agentName = agentName;
    this.#log = log;
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Rooms that have no agent yet. */
  get pending(): number {
    return this.#rooms.size;
  }

  /** Watches a room that has just been opened; twice is the same as once. */
  watch(room: string): void {
    if (this.#rooms.has(room) || this.#isClosed) return;
    this.#rooms.add(room);
    this.#untilAgent(room)
      .catch((error: unknown) => this.#log.error({ err: error, room }, 'the watch over a room failed'))
      .finally(() => this.#rooms.delete(room));
  }

  close(): void {
    this.#isClosed = true;
    for (const [timer, end] of this.#waits) {
      clearTimeout(timer);
      end(false);
    }
    this.#waits.clear();
  }

  async #untilAgent(room: string): Promise<void> {
    const { firstLookMs, slowestLookMs } = this.#options;
    for (let waitMs = firstLookMs; ; waitMs = Math.min(waitMs * 1.5, slowestLookMs)) {
      if (!(await this.#wait(waitMs))) return;
      if ((await this.#limit(() => this.#look(room))) === 'done') return;
    }
  }

  /** @returns false when the watch closes meanwhile */
  #wait(ms: number): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waits.delete(timer);
        resolve(true);
      }, ms).unref();
      this.#waits.set(timer, resolve);
    });
  }

  async #look(room: string): Promise<'done' | 'again'> {
    try {
      // First, because for a room in order it is the only request.
      const participants = await this.#livekit.request(({ rooms }) => rooms.listParticipants(room), {
        idempotent: true,
      });
      if (participants.some(isAgent)) return 'done';
      const open = await this.#livekit.request(({ rooms }) => rooms.listRooms([room]), { idempotent: true });
      if (open.length === 0) return 'done';
      const dispatches = await this.#livekit.request(({ dispatches }) => dispatches.listDispatch(room), {
        idempotent: true,
      });
      const ours = dispatches.filter((dispatch) => dispatch.agentName === this.#agentName);
      if (ours.some((dispatch) => this.#mayStillCome(dispatch))) return 'again';
      await this.#dispatchAgain(room, ours);
    } catch (error) {
      if (isRoomGone(error)) return 'done';
      this.#log.warn({ err: error, room }, 'a room could not be looked at; it will be again');
    }
    return 'again';
  }

  #mayStillCome({ state }: AgentDispatch): boolean {
    const jobs = state?.jobs ?? [];
    const oldestMs = Date.now() - this.#options.jobStartMs;
    const offered = jobs.length === 0 && ageMs(state) < this.#options.offeringMs;
    if (offered) return true;
    return jobs.some((job) => {
      const startedMs = Number(job.state?.startedAt || state?.createdAt) / 1e6;
      const ended = (job.state?.endedAt ?? 0n) > 0n;
      return !ended && startedMs > oldestMs;
    });
  }

  /**
   * A dispatch that was just made may bring its agent after all, and deleting it would end that agent's job in the middle
   * of its greeting: only old ones are deleted. Should two agents come, one leaves (`src/agent/only-agent.ts`).
   */
  async #dispatchAgain(room: string, forgotten: AgentDispatch[]): Promise<void> {
    await this.#livekit.request(({ dispatches }) => dispatches.createDispatch(room, this.#agentName));
    this.#log.warn({ room }, 'no worker had taken this room; the agent was asked for again');
    for (const { id, state } of forgotten) {
      if (ageMs(state) < this.#options.jobStartMs) continue;
      await this.#livekit.request(({ dispatches }) => dispatches.deleteDispatch(id, room));
    }
  }
}

/** Age of a dispatch; livekit-server counts in nanoseconds since the epoch. */
function ageMs(state: AgentDispatch['state']): number {
  return Date.now() - Number(state?.createdAt ?? 0n) / 1e6;
}

function isAgent({ kind }: ParticipantInfo): boolean {
  return Number(kind) === KIND_AGENT;
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Room } from '@livekit/rtc-node';
import { RoomEvent } from '@livekit/rtc-node';
import type { Config } from '../config/config.ts';
import { PRIVATE_KEY } from '../config/private-key.ts';
import { parseRoomMetadata, type RoomMetadata, type RoomSession } from '../rooms/metadata.ts';
import { type DataTools, parseDataTools } from '../sessions/data-tools.ts';
import { type ProfileSettings, profileSettingsSchema } from '../sessions/profile.ts';
import type { Logger } from '../telemetry/log.ts';
import { within } from '../within.ts';
import { askApi } from './ask-api.ts';

/** Who is in the call and what is known about them, as of now. */
export interface CallContext {
  session: RoomSession;
  dataTools: DataTools;
  /** Of the data tools, but for what is private in them; undefined where it is not known. */
  revision: number | undefined;
  /** How the agent is for this session; empty while it is not known. */
  profile: ProfileSettings;
  /** Id of the call that we placed, of which this agent is to tell; absent where the agent's own call is another. */
  call?: string;
}

export interface CallContextWatch {
  /**
   * What the room's metadata say when the call begins.
   *
   * @param unknown - of the session where they name none; that of a browser unless given
   */
  read: (metadata: string, unknown?: Partial<Pick<RoomSession, 'channel' | 'phone'>>) => Promise<CallContext>;
  /** Who is told of each change, also of the last one that came before. */
  use: (onChange: (context: CallContext) => Promise<void>) => void;
  /** Tells of metadata whose change the room did not see. */
  notice: (metadata: string) => void;
}

/** Id of the session of a room that is not ours. */
export const NO_SESSION = 'none';
const FETCH_TIMEOUT_MS = 3_000;
/** The call begins without what does not come in time; it is used when it is there. */
const FIRST_DATA_LIMIT_MS = 6_500;
const FIRST_PROFILE_LIMIT_MS = 400;
/** Between two attempts to get what could not be fetched, ms; the last one from then on. */
const RETRY_MS = [200, 1_000, 3_000, 10_000, 30_000];

/**
 * The session of a call, its data tools and its profile, as of now: out of the room's metadata, and what does not travel
 * there (private or large data tools, the profile) from the HTTP API with a token of our own. What could not be fetched is
 * tried again until it is there or something newer is; meanwhile the agent keeps what it had. An older revision than the
 * one that it has is of no use. A room that is not ours gets an anonymous session without data.
 *
 * @param room - watched from now on
 */
export function watchCallContext(room: Room, config: Config, log: Logger): CallContextWatch {
  let current: CallContext | undefined;
  /** The metadata that `current` is made of, or is being made of. */
  let taken: RoomMetadata | undefined;
  let profile: { name: string; settings: ProfileSettings } | undefined;
  let onChange: ((context: CallContext) => Promise<void>) | undefined;
  let told: CallContext | undefined;
  let fetching = new AbortController();
  let telling: Promise<void> = Promise.resolve();

  const tell = () => {
    telling = telling.then(async () => {
      if (onChange === undefined || current === undefined || current === told) return;
      told = current;
      await onChange(current).catch((error: unknown) =>
        log.error({ err: error }, 'changed data tools could not be used'),
      );
    });
  };

  /** Makes a new context of metadata; it lacks what has to be fetched. */
  const take = (metadata: RoomMetadata): CallContext => {
    taken = metadata;
    const { session, dataTools, call } = metadata;
    const before = current?.session.id === session.id ? current : undefined;
    const hidden = before?.dataTools[PRIVATE_KEY];
    const isSecret = metadata.dataToolsRef !== undefined && hidden !== undefined;
    current = {
      session,
      dataTools:
        dataTools === undefined
          ? (before?.dataTools ?? {})
          : { ...dataTools, ...(isSecret && { [PRIVATE_KEY]: hidden }) },
      revision: dataTools === undefined ? before?.revision : metadata.revision,
      profile: (profile?.name === session.profile ? profile.settings : undefined) ?? {},
      ...(call !== undefined && { call }),
    };
    return current;
  };

  /** Fetches one thing until it is there, or newer metadata have come. @returns undefined when it is not needed any more */
  const fetchAlways = async <T>(
    what: string,
    get: (signal: AbortSignal) => Promise<T>,
    tried: () => void,
  ): Promise<T | undefined> => {
    const { signal } = fetching;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        return await get(signal);
      } catch (error) {
        if (signal.aborted) return undefined;
        const again = { err: error, session: taken?.session.id, what };
        log.error(again, 'could not be fetched; the call goes on without, and it is tried again');
      }
      if (attempt > 0) tried();
      const wait = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)];
      await sleep(wait, undefined, { signal, ref: false }).catch(() => undefined);
    }
    return undefined;
  };

  /**
   * Completes `current` by what the metadata only name.
   *
   * @returns `data`, `profile`: when they are there; `tried`: when data tools are there or could not be had at once
   */
  const complete = ({ session, dataToolsRef, profileRef }: RoomMetadata) => {
    let tried: () => void = () => undefined;
    const atOnce = new Promise<void>((resolve) => {
      tried = resolve;
    });
    const add = (more: Partial<CallContext>) => {
      if (current !== undefined) current = { ...current, ...more };
    };
    const data = async () => {
      if (dataToolsRef === undefined) return;
      const get = (signal: AbortSignal) => fetchDataTools(session.id, config, signal);
      const fetched = await fetchAlways('data tools', get, tried);
      if (fetched !== undefined) add(fetched);
    };
    const settings = async () => {
      if (profileRef === undefined || profile?.name === session.profile) return;
      const get = (signal: AbortSignal) => fetchProfile(session.profile, config, signal);
      const found = await fetchAlways('profile', get, () => undefined);
      if (found === undefined) return;
      profile = { name: session.profile, settings: found };
      add({ profile: found });
    };
    return { data: data().finally(tried), profile: settings(), tried: atOnce };
  };

  const notice = (text: string) => {
    const metadata = parseRoomMetadata(text);
    if (metadata === undefined || isOld(metadata, taken)) return;
    fetching.abort();
    fetching = new AbortController();
    take(metadata);
    const rest = complete(metadata);
    const { signal } = fetching;
    const tellNow = () => {
      if (!signal.aborted) tell();
    };
    // With what is fetched, where that comes at once; else without it first.
    void within(FETCH_TIMEOUT_MS, rest.tried).then(tellNow);
    void Promise.all([rest.data, rest.profile]).then(tellNow);
  };

  room.on(RoomEvent.RoomMetadataChanged, notice);
  room.on(RoomEvent.Disconnected, () => fetching.abort());

  return {
    notice,
    async read(text, unknown = {}) {
      const metadata = parseRoomMetadata(text);
      if (metadata === undefined) return anonymous(config, unknown);
      if (!isOld(metadata, taken)) {
        take(metadata);
        const rest = complete(metadata);
        const { signal } = fetching;
        await Promise.all([
          within(FIRST_DATA_LIMIT_MS, rest.tried),
          within(FIRST_PROFILE_LIMIT_MS, rest.profile),
        ]);
        void Promise.all([rest.data, rest.profile]).then(() => {
          if (!signal.aborted) tell();
        });
      }
      told = current;
      return current ?? anonymous(config, unknown);
    },
    use(listener) {
      onChange = listener;
      tell();
    },
  };
}

/** Whether the metadata are of a revision that is there already, or of an older one. */
function isOld(metadata: RoomMetadata, taken: RoomMetadata | undefined): boolean {
  if (taken === undefined || taken.session.id !== metadata.session.id) return false;
  return (
    metadata.revision !== undefined && taken.revision !== undefined && metadata.revision <= taken.revision
  );
}

function anonymous(
  { LANGUAGE }: Config,
  { channel = 'browser', phone }: Partial<Pick<RoomSession, 'channel' | 'phone'>>,
): CallContext {
  const session: RoomSession = {
    id: NO_SESSION,
    userId: 'anonymous',
    profile: 'default',
    channel,
    language: LANGUAGE,
    ...(phone !== undefined && { phone }),
  };
  return { session, dataTools: {}, revision: undefined, profile: {} };
}

async function fetchDataTools(
  sessionId: string,
  config: Config,
  signal: AbortSignal,
): Promise<Pick<CallContext, 'dataTools' | 'revision'>> {
  const path = `/session/${encodeURIComponent(sessionId)}/data-tools`;
  const answer = await fetchJson(path, config, signal);
  // Deleted since the session began, with everything that was known.
  if (answer === undefined) return { dataTools: {}, revision: undefined };
  const [, revision] = /^"(\d+)"$/.exec(answer.etag) ?? [];
  return {
    dataTools: parseDataTools(answer.json),
    revision: revision === undefined ? undefined : Number(revision),
  };
}

async function fetchProfile(name: string, config: Config, signal: AbortSignal): Promise<ProfileSettings> {
  const answer = await fetchJson(`/profiles/${encodeURIComponent(name)}`, config, signal);
  // Deleted since the session began: there are no settings any more.
  if (answer === undefined) return {};
  const { json } = answer;
  const settings = typeof json === 'object' && json !== null && 'settings' in json ? json.settings : {};
  return profileSettingsSchema.parse(settings);
}

/** @returns undefined for a 404 @throws Error for any other answer that is no 200 */
async function fetchJson(path: string, config: Config, signal: AbortSignal) {
  const response = await askApi(config, path, { timeoutMs: FETCH_TIMEOUT_MS, signal });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`the API answered ${response.status}`);
  const json: unknown = await response.json();
  return { json, etag: response.headers.get('etag') ?? '' };
}

import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { z } from 'zod';
import { CharlaError } from '../errors.ts';
import { CATALOGUE, findModel, type Model, type Source } from './catalogue.ts';
import { SourceError } from './fetch/fetch-options.ts';
import { fetchSource, outputsOf, type SourceProgress } from './fetch/fetch-source.ts';
import { folderSize } from './fetch/folder-size.ts';
import { sha256File } from './fetch/sha256-file.ts';

/** How a pull gets on. `wait`: another process is pulling the same model. */
export type PullProgress =
  | { model: string; phase: 'wait'; source?: undefined; receivedBytes: 0; totalBytes?: undefined }
  | ({ model: string; source: string } & SourceProgress);

export interface PullOptions {
  onProgress?: (progress: PullProgress) => void;
  signal?: AbortSignal;
}

/** A model of the catalogue, and what of it is on this machine. */
export interface StoredModel {
  model: Model;
  /** `partial`: an interrupted pull that the next one continues. */
  state: 'ready' | 'partial' | 'absent';
  /** Size on disk. */
  bytes: number;
  /** Where the ready files came from. */
  sources: string[];
}

/**
 * Models on disk: `<home>/models/<id>/` holds a model's files and is there only when all of them are, verified.
 * What is not finished lies in `<home>/models/.partial/<id>/`. Processes that pull the same model wait for each other.
 */
export class ModelStore {
  readonly #models: string;
  readonly #catalogue: readonly Model[];

  constructor({ home, catalogue = CATALOGUE }: { home: string; catalogue?: readonly Model[] }) {
    this.#models = join(home, 'models');
    this.#catalogue = catalogue;
  }

  /**
   * The directory of a ready model; undefined when it is not there, or is of another revision than the catalogue's.
   *
   * @throws CharlaError `CHARLA_MODEL_UNKNOWN`
   */
  async path(id: string): Promise<string | undefined> {
    const model = findModel(id, this.#catalogue);
    const directory = this.#directory(model);
    const manifest = await readManifest(directory);
    if (manifest?.revision !== model.revision) return undefined;
    return (await allThere(directory, manifest.files)) ? directory : undefined;
  }

  /**
   * Makes a model ready and gives its directory. The sources of each part are tried in turn.
   *
   * @throws CharlaError `CHARLA_MODEL_UNKNOWN`; `CHARLA_MODEL_UNAVAILABLE` naming why each source failed
   * @throws the signal's reason when it is aborted
   */
  async pull(id: string, { onProgress = () => undefined, signal }: PullOptions = {}): Promise<string> {
    const model = findModel(id, this.#catalogue);
    const ready = await this.path(id);
    if (ready !== undefined) return ready;
    const waiting = () => onProgress({ model: id, phase: 'wait', receivedBytes: 0 });
    const unlock = await this.#lock(model, waiting, signal);
    try {
      return (await this.path(id)) ?? (await this.#fetch(model, onProgress, signal));
    } finally {
      await unlock();
    }
  }

  /** Every model of the catalogue with its state here. */
  list(): Promise<StoredModel[]> {
    return Promise.all(
      this.#catalogue.map(async (model) => {
        const directory = await this.path(model.id);
        if (directory !== undefined) {
          const sources = (await readManifest(directory))?.files.map((file) => file.source) ?? [];
          return {
            model,
            state: 'ready',
            bytes: await folderSize(directory),
            sources: [...new Set(sources)],
          };
        }
        const bytes = await folderSize(this.#partial(model));
        return { model, state: bytes > 0 ? 'partial' : 'absent', bytes, sources: [] };
      }),
    );
  }

  /**
   * Takes a model and what is unfinished of it off the disk. False when nothing was there.
   *
   * @throws CharlaError `CHARLA_MODEL_UNKNOWN`
   */
  async remove(id: string): Promise<boolean> {
    const model = findModel(id, this.#catalogue);
    const unlock = await this.#lock(model, () => undefined, undefined);
    try {
      const folders = [this.#directory(model), this.#partial(model)];
      const sizes = await Promise.all(folders.map(folderSize));
      await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
      return sizes.some((size) => size > 0);
    } finally {
      await unlock();
    }
  }

  async #fetch(
    model: Model,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const partial = this.#partial(model);
    const finished = join(partial, 'finished');
    await mkdir(finished, { recursive: true });
    for (const [index, { sources }] of model.parts.entries()) {
      const manifest = await readManifest(finished);
      const files = manifest?.revision === model.revision ? manifest.files : [];
      if (await isFinished(finished, files, sources)) continue;
      const source = await firstThatWorks(model, sources, async (candidate, number) => {
        await fetchSource(candidate, finished, join(partial, `part-${index}-${number}`), {
          onProgress: (progress) => onProgress({ model: model.id, source: candidate.label, ...progress }),
          signal,
        });
      });
      const fetched = await Promise.all(outputsOf(source).map((path) => describe(finished, path, source)));
      await writeManifest(finished, { revision: model.revision, files: [...files, ...fetched] });
    }
    // A directory that is there but not ready (older revision, damaged) makes way.
    const directory = this.#directory(model);
    await rename(directory, join(partial, 'old')).catch(() => undefined);
    await rename(finished, directory);
    await rm(partial, { recursive: true, force: true });
    return directory;
  }

  /** Holds the model for this process alone. A holder that dies is noticed after `stale` ms. */
  async #lock(
    model: Model,
    onWait: () => void,
    signal: AbortSignal | undefined,
  ): Promise<() => Promise<void>> {
    await mkdir(join(this.#models, '.partial'), { recursive: true });
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await lock(this.#partial(model), { realpath: false, stale: 20_000, update: 4_000 });
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ELOCKED') throw cause;
      }
      onWait();
      await sleep(500, undefined, { ...(signal && { signal }) });
    }
  }

  #directory(model: Model): string {
    return join(this.#models, model.id);
  }

  #partial(model: Model): string {
    return join(this.#models, '.partial', model.id);
  }
}

const MANIFEST = 'manifest.json';

/** Kept beside a model's files: what they are and where they came from. */
const manifestSchema = z.object({
  revision: z.number().int(),
  files: z.array(
    z.object({ path: z.string(), bytes: z.number().int(), sha256: z.string(), source: z.string() }),
  ),
});
type Manifest = z.output<typeof manifestSchema>;

async function readManifest(directory: string): Promise<Manifest | undefined> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(join(directory, MANIFEST), 'utf8')));
  } catch {
    return undefined;
  }
}

async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  const part = join(directory, `${MANIFEST}.part`);
  await writeFile(part, `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(part, join(directory, MANIFEST));
}

async function describe(folder: string, path: string, source: Source): Promise<Manifest['files'][number]> {
  const { size } = await stat(join(folder, path));
  // What was verified on arrival has its hash; what a conversion made gets one.
  const pinned = source.files.find((file) => file.path === path)?.sha256;
  return {
    path,
    bytes: size,
    sha256: pinned ?? (await sha256File(join(folder, path))),
    source: source.label,
  };
}

async function allThere(folder: string, files: Manifest['files']): Promise<boolean> {
  const checks = files.map(async ({ path, bytes }) => {
    const { size } = await stat(join(folder, path)).catch(() => ({ size: -1 }));
    return size === bytes;
  });
  return files.length > 0 && (await Promise.all(checks)).every(Boolean);
}

/** Whether an earlier, interrupted pull brought a part's files already. */
async function isFinished(
  folder: string,
  files: Manifest['files'],
  sources: readonly Source[],
): Promise<boolean> {
  const paths = sources[0] === undefined ? [] : outputsOf(sources[0]);
  const known = files.filter((file) => paths.includes(file.path));
  return known.length === paths.length && (await allThere(folder, known));
}

async function firstThatWorks(
  model: Model,
  sources: readonly Source[],
  attempt: (source: Source, number: number) => Promise<void>,
): Promise<Source> {
  const failures: { label: string; cause: SourceError }[] = [];
  for (const [number, source] of sources.entries()) {
    try {
      await attempt(source, number);
      return source;
    } catch (cause) {
      if (!(cause instanceof SourceError)) throw cause;
      failures.push({ label: source.label, cause });
    }
  }
  throw new CharlaError(
    'CHARLA_MODEL_UNAVAILABLE',
    {
      id: model.id,
      attempts: failures.map(({ label, cause }) => `  - ${label} ${cause.message}`).join('\n'),
      variable: `${model.job.toUpperCase()}_BASE_URL`,
    },
    { cause: new AggregateError(failures.map(({ cause }) => cause)) },
  );
}

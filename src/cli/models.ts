import Table from 'cli-table3';
import { Command } from 'commander';
import { Listr } from 'listr2';
import pc from 'picocolors';
import prettyBytes from 'pretty-bytes';
import { loadConfig } from '../config/config.ts';
import { CATALOGUE, DEFAULT_MODELS, downloadBytes, findModel } from '../inference/catalogue.ts';
import { ModelStore, type PullProgress, type StoredModel } from '../inference/model-store.ts';
import { printError } from './print-error.ts';
import { pullProgressText } from './pull-progress.ts';

/** `charla models`: what local models there are, fetching them, taking them off the disk. */
export function modelsCommand(): Command {
  const command = new Command('models')
    .description('List, fetch and remove the models that `charla inference` serves.')
    .addHelpText('after', '\nModels are kept under CHARLA_HOME, in models/. NOTICE lists their licences.');
  command
    .command('list')
    .description('every model, its licence, and whether it is here')
    .action(async () => {
      process.stdout.write(`${modelTable(await openStore().list())}\n`);
    });
  command
    .command('pull')
    .description('fetch models, verified; an interrupted pull goes on where it stopped')
    .argument(
      '[ids...]',
      'models; without any, those that `charla dev` uses where nothing else is configured',
    )
    .option('--all', 'every model of the catalogue')
    .action((ids: string[], { all }: { all?: boolean }) => pull(all ? CATALOGUE.map(({ id }) => id) : ids));
  command
    .command('rm')
    .description('take models off the disk')
    .argument('<ids...>', 'models')
    .action(async (ids: string[]) => {
      const store = openStore();
      for (const id of ids.map((id) => findModel(id).id)) {
        const removed = await store.remove(id);
        process.stdout.write(removed ? `${id} removed\n` : `${id} was not here\n`);
      }
    });
  return command;
}

/** The table of `charla models list`. */
export function modelTable(models: readonly StoredModel[]): string {
  const table = new Table({
    head: ['model', 'job', 'languages', 'size', 'licence', 'state', 'from'].map(pc.bold),
    style: { head: [], border: [], compact: true },
  });
  for (const { model, state, bytes, sources } of models) {
    const ready = state === 'ready';
    table.push([
      `${model.id}\n${pc.dim(model.name)}`,
      model.job,
      model.languages.join(' '),
      prettyBytes(ready ? bytes : downloadBytes(model)),
      model.licence,
      STATE_TEXT[state],
      (ready ? sources : offered(model)).join('\n'),
    ]);
  }
  return table.toString();
}

const STATE_TEXT = {
  ready: pc.green('ready'),
  partial: pc.yellow('partly here'),
  absent: pc.dim('not here'),
};

/** How often a line is written where it cannot be written over (ms). */
const PLAIN_INTERVAL_MS = 2_000;

function openStore(): ModelStore {
  return new ModelStore({ home: loadConfig().CHARLA_HOME });
}

/** Each part's first source, and how many stand behind it. */
function offered(model: StoredModel['model']): string[] {
  return model.parts.flatMap(({ sources: [first, ...others] }) => {
    if (first === undefined) return [];
    return others.length === 0 ? [first.label] : [`${first.label} (or ${others.length} more)`];
  });
}

async function pull(ids: readonly string[]): Promise<void> {
  const wanted = (ids.length > 0 ? ids : DEFAULT_MODELS).map((id) => findModel(id));
  const store = openStore();
  const errors: unknown[] = [];
  const tasks = wanted.map(({ id, name }) => ({
    title: `${id}  ${pc.dim(name)}`,
    task: async (_: unknown, task: { output: string }) => {
      try {
        const tell = paced((text) => {
          task.output = text;
        });
        await store.pull(id, { onProgress: tell });
      } catch (error) {
        errors.push(error);
        throw new Error('not fetched; see below', { cause: error });
      }
    },
  }));
  await new Listr(tasks, {
    concurrent: true,
    exitOnError: false,
    ...(process.stdout.isTTY ? {} : { renderer: 'simple' as const }),
  }).run();
  for (const error of errors) printError(error);
  if (errors.length > 0) process.exitCode = 1;
}

/** On a terminal every change is drawn; elsewhere one line in a while, and each new phase. */
function paced(write: (text: string) => void): (progress: PullProgress) => void {
  const describe = pullProgressText();
  let last = { at: 0, stage: '' };
  return (progress) => {
    const text = describe(progress);
    const stage = `${progress.phase} ${progress.source ?? ''}`;
    const due = stage !== last.stage || Date.now() - last.at >= PLAIN_INTERVAL_MS;
    if (!process.stdout.isTTY && !due) return;
    last = { at: Date.now(), stage };
    write(text);
  };
}

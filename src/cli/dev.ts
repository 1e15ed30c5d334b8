import { Command } from 'commander';
import pc from 'picocolors';
import { type Config, loadConfig, readEnvironment, serveUrl } from '../config/config.ts';
import { messageOf } from '../errors.ts';
import { resolveProviders } from '../providers/resolve.ts';
import { createLiveKit } from '../rooms/livekit.ts';
import { applySip } from '../rooms/sip.ts';
import { readSipFiles } from '../rooms/sip-files.ts';
import { assertNodeVersion, checkPorts } from './dev/check-machine.ts';
import { createChildLog } from './dev/child-log.ts';
import { healthProblems } from './dev/health-problems.ts';
import { localModels, pinnedProviders } from './dev/pinned-providers.ts';
import { prepare } from './dev/prepare.ts';
import { ProcessSupervisor, type ServiceEvent } from './dev/process-supervisor.ts';
import { readyTable } from './dev/ready-table.ts';
import { createServices } from './dev/services.ts';
import { listenForStop } from './dev/stop-signal.ts';
import { SIP_FILES } from './sip.ts';

const DEVELOPMENT_FILES = ['inboundTrunk', 'dispatchRule'] as const;

/** `charla dev`: everything on this machine, supervised, until Ctrl-C. */
export function devCommand(): Command {
  return new Command('dev')
    .description(
      'Starts livekit-server, the local models, the worker, the HTTP API and the page on this machine, and keeps ' +
        'them running until Ctrl-C. What is not there yet is fetched first: livekit-server, the models, the page.',
    )
    .option(
      '--sip',
      'take telephone calls too, from softphones on this machine: starts Redis and livekit-sip',
      false,
    )
    .action(runDev);
}

async function runDev({ sip }: { sip: boolean }): Promise<void> {
  await assertNodeVersion();
  const config = loadConfig();
  const stop = listenForStop();
  const providers = await resolveProviders(config);
  const models = localModels(providers);
  const livekitRuns = await checkPorts(config, { inference: models.length > 0, sip });
  const sipFiles = sip
    ? await readSipFiles(SIP_FILES, readEnvironment(), { required: DEVELOPMENT_FILES })
    : undefined;
  const { livekit, sip: programs } = await prepare({
    config,
    models,
    livekitRuns,
    sip,
    ...(providers.llm.kind === 'ollama' && { ollamaModel: providers.llm.model }),
    signal: stop.signal,
  }).catch((error: unknown) => {
    // Ctrl-C during a download is no failure; what is there of it is kept for the next time.
    if (stop.signal.aborted) process.exit(0);
    throw error;
  });

  const log = createChildLog(config.LOG_LEVEL, (text) => process.stdout.write(text));
  const applyTrunk = async () => {
    if (sipFiles === undefined) return;
    await applySip(createLiveKit(config), sipFiles, { agentName: config.AGENT_NAME });
  };
  let takesCalls = false;
  const supervisor = new ProcessSupervisor({
    onLine: log.line,
    onEvent: (name, event) => {
      log.note(name, sentence(event));
      // A Redis that was started again is empty.
      if (takesCalls && name === 'redis' && event.type === 'ready') {
        applyTrunk().catch((error: unknown) => log.note('sip', messageOf(error)));
      }
    },
  });
  stop.onForce(() => supervisor.force());
  try {
    const services = await createServices({
      config,
      livekit,
      sip: programs,
      inference: models.length > 0 && models,
      env: pinnedProviders(providers),
    });
    const stopped = new Promise<'stopped'>((resolve) => {
      stop.signal.addEventListener('abort', () => resolve('stopped'), { once: true });
      if (stop.signal.aborted) resolve('stopped');
    });
    const ready = supervisor.startAll(services);
    // Once stopping, a service that did not become ready is no error.
    ready.catch(() => undefined);
    if ((await Promise.race([ready, stopped])) !== 'stopped') {
      await applyTrunk();
      takesCalls = true;
      const pid = (name: string) => supervisor.pid(name);
      const problems = await healthProblems(serveUrl(config));
      const readyAfterMs = performance.now();
      process.stdout.write(
        readyTable({ config, providers, livekit, sip: programs, pid, problems, readyAfterMs }),
      );
      await stopped;
    }
  } finally {
    process.stdout.write(pc.dim('\nEnding calls, then processes. Ctrl-C again ends them at once.\n'));
    if (livekit !== undefined) await endCalls(config);
    await supervisor.stop();
    for (const program of [livekit, programs?.livekitSip, programs?.redis]) await program?.cleanUp?.();
  }
  process.exit(0);
}

/** Closes every room of the livekit-server that we started, so that people in calls and job processes leave at once. */
async function endCalls(config: Config): Promise<void> {
  const livekit = createLiveKit(config);
  await livekit
    .request(async ({ rooms }) => {
      for (const { name } of await rooms.listRooms()) await rooms.deleteRoom(name);
    })
    // It is being stopped anyway; the processes end with or without their rooms.
    .catch(() => undefined);
}

function sentence(event: ServiceEvent): string {
  switch (event.type) {
    case 'started':
      return `started (pid ${event.pid})`;
    case 'ready':
      return `ready after ${(event.afterMs / 1000).toFixed(1)} s (pid ${event.pid})`;
    case 'unready':
      return `was started again and is not ready: ${event.reason}`;
    case 'died':
      return `stopped unexpectedly: ${event.how}; starting it again in ${(event.restartInMs / 1000).toFixed(0)} s`;
    case 'stopped':
      return 'stopped';
  }
}

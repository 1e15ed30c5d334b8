import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import getPort from 'get-port';
import { ProcessSupervisor } from '../../src/cli/dev/process-supervisor.ts';
import { loadConfig } from '../../src/config/config.ts';
import { type SipStack, startSipStack } from '../../test/support/sip-stack.ts';
import { TelnyxCarrier } from '../../test/support/telnyx-carrier.ts';
import { TwilioCarrier } from '../../test/support/twilio-carrier.ts';
import { ENGINES_READY_TIMEOUT_MS, engineService, engineVariables, type FixedWords } from './engines.ts';
import { FixedEnginesClient } from './fixed-engines-client.ts';

/**
 * All of Charla with every telephone channel open, on loopback: engines with fixed delays, the API, a worker, livekit-sip. The
 * API and the worker are the built ones, as in production: a job process starts with half the work that it takes from sources.
 */
export interface PhoneStack {
  apiUrl: string;
  apiKey: string;
  audioSocketPort: number;
  sip: SipStack;
  twilio: TwilioCarrier;
  telnyx: TelnyxCarrier;
  engines: FixedEnginesClient;
  /** Process of the API, in which the gateways are. */
  servePid: number;
  close(): Promise<void>;
}

/** @param calls - at once, at most */
export async function startPhoneStack(words: FixedWords, calls: number): Promise<PhoneStack> {
  const home = loadConfig();
  await execa('npm', ['run', '--silent', 'build']);
  const scratch = await mkdtemp(join(tmpdir(), 'charla-bench-'));
  const [api, audioSocket, engines, worker, metrics] = await Promise.all(
    Array.from({ length: 5 }, () => getPort()),
  );
  const apiUrl = `http://127.0.0.1:${api}`;
  const apiKey = randomBytes(16).toString('hex');
  const sip = await startSipStack();
  const [twilio, telnyx] = [await TwilioCarrier.start(), await TelnyxCarrier.start()];
  const supervisor = new ProcessSupervisor({
    onLine: () => undefined,
    onEvent: (name, event) => {
      if (event.type === 'died') process.stderr.write(`${name} stopped unexpectedly: ${event.how}\n`);
    },
    readyTimeoutMs: ENGINES_READY_TIMEOUT_MS,
  });
  const close = async () => {
    await Promise.all([twilio.stop(), telnyx.stop()]);
    await supervisor.stop();
    await sip.stop();
    await rm(scratch, { recursive: true, force: true });
  };
  const env = {
    ...engineVariables({ engines: 'fixed' }, engines ?? 0),
    ...twilio.env(apiUrl),
    ...telnyx.env(apiUrl),
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    ADMIN_API_KEY: apiKey,
    RATE_LIMIT_PER_MINUTE: '0',
    TOKEN_RATE_LIMIT_PER_MINUTE: '0',
    DATABASE_URL: 'memory://',
    CHARLA_HOME: scratch,
    PORT: String(api),
    API_URL: apiUrl,
    AUDIOSOCKET_PORT: String(audioSocket),
    WORKER_PORT: String(worker),
    WORKER_METRICS_PORT: String(metrics),
    MAX_CALLS_PER_WORKER: String(calls),
    MAX_GATEWAY_CALLS: String(calls),
    LIVEKIT_URL: sip.livekit.url,
    LIVEKIT_API_KEY: sip.livekit.apiKey,
    LIVEKIT_API_SECRET: sip.livekit.apiSecret,
  };
  const charla = (command: string, readyUrl: string) => ({
    name: command,
    command: process.execPath,
    args: ['dist/cli/main.js', command],
    env,
    readyUrl,
  });
  try {
    await supervisor.start(engineService({ engines: 'fixed' }, home, engines ?? 0, words));
    await supervisor.start(charla('serve', `${apiUrl}/settings`));
    await supervisor.start(charla('worker', `http://127.0.0.1:${worker}/`));
    await sip.takeCalls({ agentName: home.AGENT_NAME });
    twilio.use(apiUrl);
    telnyx.use(apiUrl);
    return {
      apiUrl,
      apiKey,
      audioSocketPort: audioSocket ?? 0,
      sip,
      twilio,
      telnyx,
      engines: new FixedEnginesClient(engines ?? 0),
      servePid: supervisor.pid('serve') ?? 0,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

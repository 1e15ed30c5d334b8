import Table from 'cli-table3';
import pc from 'picocolors';
import { type Config, inferenceBaseUrl, serveUrl } from '../../config/config.ts';
import type { Providers } from '../../providers/resolve.ts';
import { storeAddress } from '../../store/store-address.ts';
import type { LivekitBinary } from './get-livekit-binary.ts';
import type { SipPrograms } from './sip-programs.ts';

export interface ReadyTableOptions {
  config: Config;
  providers: Providers;
  /** Undefined when one ran already. */
  livekit: LivekitBinary | undefined;
  /** Undefined where no telephone calls are taken. */
  sip?: SipPrograms | undefined;
  pid: (service: string) => number | undefined;
  /** What does not work, a line each. */
  problems: readonly string[];
  /** Since the command was started. */
  readyAfterMs: number;
}

/** What runs where, for the person who typed `charla dev`: one table and the address of the page. */
export function readyTable(options: ReadyTableOptions): string {
  const { config, providers, livekit, sip, pid, problems, readyAfterMs } = options;
  const table = new Table({
    head: ['component', 'address', 'pid', 'detail'].map((title) => pc.dim(title)),
    style: { head: [], border: [] },
  });
  const row = (name: string, address: string, detail: string) =>
    table.push([pc.bold(name), address, String(pid(name) ?? '–'), detail]);
  const local = [providers.stt, providers.llm, providers.tts].filter(({ kind }) => kind === 'local');

  const version = livekit === undefined ? 'ran already' : `${livekit.version} (${livekit.source})`;
  row('livekit', config.LIVEKIT_URL, version);
  if (sip !== undefined) {
    const { livekitSip, redis, redisPort } = sip;
    row('redis', `127.0.0.1:${redisPort}`, `${redis.version} (${redis.source})`);
    row('sip', `sip:127.0.0.1:${config.SIP_PORT}`, `${livekitSip.version} (${livekitSip.source})`);
  }
  if (local.length > 0) {
    row('inference', inferenceBaseUrl(config), local.map(({ model }) => model).join(', '));
  }
  row('worker', `http://127.0.0.1:${config.WORKER_PORT}`, `agent «${config.AGENT_NAME}»`);
  row('serve', serveUrl(config), ['HTTP API and page', ...carriersOf(config)].join(', '));
  const store = storeAddress(config);
  row('store', store.address, store.kind === 'postgres' ? 'PostgreSQL' : 'PGlite, in serve');

  const engines = (['stt', 'llm', 'tts'] as const)
    .map((kind) => `${kind.toUpperCase()} ${providers[kind].model} (${providers[kind].kind})`)
    .join(', ');
  // Where it listens on loopback: the address that people know, and that browsers give the microphone to.
  const url = serveUrl(config).replace(/\/\/(127\.0\.0\.1|\[::1\])(?=:)/, '//localhost');
  return [
    '',
    table.toString(),
    engines,
    ...(sip === undefined ? [] : callLines(config.SIP_PORT)),
    ...problems.map((problem) => pc.yellow(`! ${problem}`)),
    '',
    pc.bold(pc.green(`Ready in ${(readyAfterMs / 1000).toFixed(1)} s. Open ${pc.underline(url)}`)),
    pc.dim('Ctrl-C ends everything.'),
    '',
    '',
  ].join('\n');
}

/** Those whose media streams `charla serve` takes. */
function carriersOf(config: Config): string[] {
  const { TWILIO_ACCOUNT_SID, TELNYX_API_KEY, AUDIOSOCKET_PORT, AUDIOSOCKET_HOST } = config;
  return [
    ...(TWILIO_ACCOUNT_SID === undefined ? [] : ['Twilio']),
    ...(TELNYX_API_KEY === undefined ? [] : ['Telnyx']),
    ...(AUDIOSOCKET_PORT === undefined ? [] : [`AudioSocket on ${AUDIOSOCKET_HOST}:${AUDIOSOCKET_PORT}`]),
  ];
}

/** How a softphone on this machine calls. Any number will do; the number that is called chooses the profile. */
function callLines(port: number): string[] {
  return [
    '',
    `Call ${pc.underline(`sip:+34910000000@127.0.0.1:${port}`)} from a softphone on this machine, without an account (docs/phone.md).`,
  ];
}

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** What somebody who is called does: answers, refuses with a status such as 486, or lets it ring. */
export type CalleeBehaviour =
  | 'answers'
  | 'lets it ring'
  | { readonly refuses: number; readonly reason: string; readonly afterMs?: number };

/** Somebody with a SIP telephone, played by Debian's `sipp`, whom any number of calls may reach. */
export interface SipCallee {
  readonly port: number;
  readonly uri: string;
  stop(): Promise<void>;
}

/** Starts a callee on a loopback port of its own. Stop it when the test is over. */
export async function startSipCallee(behaviour: CalleeBehaviour): Promise<SipCallee> {
  const folder = await mkdtemp(join(tmpdir(), 'charla-sip-callee-'));
  const file = join(folder, 'scenario.xml');
  await writeFile(file, scenario(behaviour));
  const port = await freeUdpPort();
  const child = execa(
    'sipp',
    [
      '-sf',
      file,
      '-i',
      '127.0.0.1',
      '-p',
      String(port),
      '-t',
      'u1',
      '-nostdin',
      '-rtp_echo',
      '-mi',
      '127.0.0.1',
    ],
    {
      cwd: folder,
      reject: false,
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'ignore',
      forceKillAfterDelay: 500,
    },
  );
  return {
    port,
    uri: `sip:callee@127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGKILL');
      await child;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A UDP port on loopback that nobody listens on now. */
export async function freeUdpPort(): Promise<number> {
  const probe = createSocket('udp4');
  probe.bind(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
}

function scenario(behaviour: CalleeBehaviour): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="callee">
  <recv request="INVITE"/>
  ${send('180 Ringing')}
  ${steps(behaviour)}
</scenario>
`;
}

function steps(behaviour: CalleeBehaviour): string {
  if (behaviour === 'lets it ring') {
    return `<recv request="CANCEL"/>
  ${send('200 OK', '[last_CSeq:]', 0)}
  ${send('487 Request Terminated', 'CSeq: 1 INVITE')}
  <recv request="ACK" optional="true"/>`;
  }
  if (behaviour === 'answers') {
    return `${send('200 OK', '[last_CSeq:]', 1)}
  <recv request="ACK"/>
  <recv request="BYE"/>
  ${send('200 OK')}`;
  }
  return `<pause milliseconds="${behaviour.afterMs ?? 0}"/>
  ${send(`${behaviour.refuses} ${behaviour.reason}`)}
  <recv request="ACK"/>`;
}

/** @param sound - whether the answer offers sound */
function send(status: string, sequence = '[last_CSeq:]', sound: 0 | 1 = 0): string {
  const sdp = [
    'v=0',
    'o=callee 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    'm=audio [media_port] RTP/AVP 0 101',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:101 telephone-event/8000',
  ];
  const lines = [
    `SIP/2.0 ${status}`,
    '[last_Via:]',
    '[last_From:]',
    '[last_To:];tag=callee[call_number]',
    '[last_Call-ID:]',
    sequence,
    'Contact: <sip:callee@127.0.0.1:[local_port];transport=udp>',
    ...(sound
      ? ['Content-Type: application/sdp', 'Content-Length: [len]', '', ...sdp]
      : ['Content-Length: 0', '']),
  ];
  return `<send><![CDATA[\n\n${lines.join('\n')}\n\n  ]]></send>`;
}

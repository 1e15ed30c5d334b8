import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { createServer, isIPv6 } from 'node:net';
import { basename } from 'node:path';
import { execa } from 'execa';
import { portToPid } from 'pid-port';
import { CharlaError } from '../../errors.ts';

/** A port that a service is about to listen on. */
export interface NeededPort {
  port: number;
  /** @defaultValue tcp */
  protocol?: 'tcp' | 'udp';
  host: string;
  /** Who needs it, for the error's sentence. */
  service: string;
  /** The variable that moves it. */
  variable: string;
}

/**
 * Checks that every port can be listened on.
 *
 * @throws CharlaError `CHARLA_PORT_TAKEN` for the first that cannot, with the program that holds it
 */
export async function assertPortsFree(ports: readonly NeededPort[]): Promise<void> {
  for (const { port, protocol = 'tcp', host, service, variable } of ports) {
    if (await (protocol === 'tcp' ? canListen(port, host) : canReceive(port, host))) continue;
    throw new CharlaError('CHARLA_PORT_TAKEN', { port, service, variable, holder: await portHolder(port) });
  }
}

/**
 * Names the program that listens on a port of this machine, as a person would look for it:
 * `pid 4711 (node server.js)`, and says so when it belongs to another `charla dev`. Other users' processes, and
 * machines without `ss`, give «another program».
 */
export async function portHolder(port: number): Promise<string> {
  const pid = await portToPid({ port, host: '*' }).catch(() => undefined);
  const holder = pid === undefined ? undefined : await describeProcess(pid);
  if (pid === undefined || holder === undefined) return 'another program';
  const parent = await describeProcess(holder.parent);
  const who = `pid ${pid} (${holder.command})`;
  return parent !== undefined && /\bdev$/.test(parent.command) && /\bcli\/main\.|charla/.test(parent.command)
    ? `another \`charla dev\`, pid ${holder.parent}, whose ${who} listens there`
    : who;
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function canReceive(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    socket.bind({ port, address: host, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

async function describeProcess(pid: number): Promise<{ parent: number; command: string } | undefined> {
  try {
    if (process.platform === 'linux') {
      const [status, cmdline] = await Promise.all([
        readFile(`/proc/${pid}/status`, 'utf8'),
        readFile(`/proc/${pid}/cmdline`, 'utf8'),
      ]);
      const parent = /^PPid:\s*(\d+)/m.exec(status)?.[1];
      return { parent: Number(parent), command: readable(cmdline.split('\0').filter((part) => part !== '')) };
    }
    const { stdout } = await execa('ps', ['-o', 'ppid=,args=', '-p', String(pid)]);
    const [parent, ...words] = stdout.trim().split(/\s+/);
    return { parent: Number(parent), command: readable(words) };
  } catch {
    return undefined;
  }
}

/** Without the runtime's path and the loaders that stand before the script. */
function readable([program = '', ...args]: readonly string[]): string {
  const words = args.filter((arg, index) => {
    const isLoader = (word: string | undefined) => word === '--require' || word === '--import';
    return !isLoader(arg) && !isLoader(args[index - 1]);
  });
  return [basename(program), ...words].join(' ').slice(0, 160);
}

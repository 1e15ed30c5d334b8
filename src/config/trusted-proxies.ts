import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { commaList } from './comma-list.ts';

/** Names of networks that Fastify knows. */
const NAMED = ['loopback', 'linklocal', 'uniquelocal'];

/**
 * The proxies before the server: addresses, networks as `10.0.0.0/8`, `loopback`, `linklocal`, `uniquelocal`, separated by
 * commas. Not «all», and not how many: then whoever comes past them could claim any address.
 */
export const proxyList = z.string().transform((text, context): string[] => {
  const entries = commaList(text);
  const wrong = entries.find((entry) => !NAMED.includes(entry) && !isNetwork(entry));
  if (wrong === undefined) return entries;
  context.addIssue(`has ${wrong}, which is no address, network, or ${NAMED.join(', ')}`);
  return z.NEVER;
});

function isNetwork(text: string): boolean {
  const [address = '', bits] = text.split('/');
  const family = isIP(address);
  if (family === 0) return false;
  if (bits === undefined) return true;
  try {
    new BlockList().addSubnet(
      address,
      /^\d+$/.test(bits) ? Number(bits) : -1,
      family === 4 ? 'ipv4' : 'ipv6',
    );
    return true;
  } catch {
    return false;
  }
}

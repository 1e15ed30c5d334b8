import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { commaList } from './comma-list.ts';

/** Addresses, and networks as `10.0.0.0/8`, separated by commas. */
export const networkList = z.string().transform((text, context): string[] => {
  const entries = commaList(text);
  const wrong = entries.find((entry) => !isNetwork(entry));
  if (wrong === undefined) return entries;
  context.addIssue(`has ${wrong}, which is no address and no network`);
  return z.NEVER;
});

/** Whether a text is an IP address or a network in CIDR notation. */
export function isNetwork(text: string): boolean {
  try {
    blockListOf([text]);
    return true;
  } catch {
    return false;
  }
}

/** Who is in one of the networks. @throws Error for an entry that is no network */
export function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const type = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, type);
    else list.addSubnet(address, /^\d+$/.test(bits) ? Number(bits) : -1, type);
  }
  return list;
}

/** Whether an address is in the networks. @param address - of a peer: an IPv4 one may be written as IPv6 has it */
export function isIn(networks: BlockList, address: string): boolean {
  return networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

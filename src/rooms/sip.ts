import { isDeepStrictEqual } from 'node:util';
import type { SIPDispatchRuleInfo, SIPInboundTrunkInfo, SIPOutboundTrunkInfo } from '@livekit/protocol';
import {
  RoomAgentDispatch,
  RoomConfiguration,
  ServerError,
  type SipClient,
  type SipDispatchRuleCallee,
  type SipDispatchRuleIndividual,
} from 'livekit-server-sdk';
import { CharlaError } from '../errors.ts';
import type { LiveKit } from './livekit.ts';
import type { SipFiles } from './sip-files.ts';
import { PROFILE_ATTRIBUTE } from './sip-participant.ts';

export type SipKind = 'inbound trunk' | 'outbound trunk' | 'dispatch rule';

/** A caller's room that they have left closes after this long, also when its agent has not come yet. */
const LEFT_SECONDS = 1;

/** What was done, or would be, with one trunk or rule. */
export interface SipChange {
  kind: SipKind;
  name: string;
  /** Undefined for one that is yet to be made. */
  id: string | undefined;
  action: 'created' | 'updated' | 'unchanged' | 'removed';
  /** Names of the fields that differ; never their values, which may be passwords. */
  fields: readonly string[];
}

/** A trunk or a rule as livekit-server has it. */
export interface SipEntry {
  kind: SipKind;
  id: string;
  name: string;
  /** One line for a person; no secret in it. */
  summary: string;
}

type Info = SIPInboundTrunkInfo | SIPOutboundTrunkInfo | SIPDispatchRuleInfo;

/** How one kind of thing is read and written. */
interface Kind<T extends Info> {
  kind: SipKind;
  id(info: T): string;
  list(sip: SipClient): Promise<T[]>;
  /** May leave fields out: what is made is compared, and replaced where it differs. */
  create(sip: SipClient, wanted: T): Promise<T>;
  replace(sip: SipClient, id: string, wanted: T): Promise<T>;
  remove(sip: SipClient, id: string): Promise<unknown>;
  summary(info: T): string;
}

/**
 * Makes livekit-server's trunks and dispatch rule as the files say, found again by their names. What is so already is
 * left alone, and so is everything that the files do not name.
 *
 * A rule without agents gets ours, so that every call has one; a rule without trunks takes the calls of the inbound trunk
 * beside it. In `trunkIds`, the inbound trunk's name stands for its id.
 *
 * @param options.dryRun - changes nothing, and says what would be done
 * @throws CharlaError `CHARLA_SIP_NOT_CONNECTED`, `CHARLA_SIP_REFUSED`, and as {@link LiveKit.request}
 */
export async function applySip(
  livekit: LiveKit,
  files: SipFiles,
  { agentName, dryRun = false }: { agentName: string; dryRun?: boolean },
): Promise<SipChange[]> {
  const changes: SipChange[] = [];
  const apply = async <T extends Info>(kind: Kind<T>, wanted: T | undefined) => {
    if (wanted === undefined) return undefined;
    const change = await applyOne(livekit, kind, wanted, dryRun);
    changes.push(change);
    return change;
  };
  const inbound = await apply(INBOUND, files.inboundTrunk);
  await apply(OUTBOUND, files.outboundTrunk);
  if (files.dispatchRule !== undefined) {
    await apply(RULE, completeRule(files.dispatchRule, { agentName, trunk: inbound }));
  }
  return changes;
}

/** Every trunk and rule that livekit-server has, whoever made it. */
export async function listSip(livekit: LiveKit): Promise<SipEntry[]> {
  return (
    await Promise.all([entries(livekit, INBOUND), entries(livekit, OUTBOUND), entries(livekit, RULE)])
  ).flat();
}

/**
 * Removes trunks and rules.
 *
 * @param names - names or ids; rules go before the trunks that they name
 * @throws CharlaError `CHARLA_SIP_NOT_FOUND` before anything is removed, when one of them is not there
 */
export async function removeSip(livekit: LiveKit, names: readonly string[]): Promise<SipChange[]> {
  const all = await listSip(livekit);
  const missing = names.find((name) => !all.some((entry) => entry.id === name || entry.name === name));
  if (missing !== undefined) throw new CharlaError('CHARLA_SIP_NOT_FOUND', { name: missing });
  const chosen = all.filter(({ id, name }) => names.includes(id) || names.includes(name)).toReversed();
  for (const { kind, id } of chosen) {
    const { remove } = kind === 'dispatch rule' ? RULE : INBOUND;
    await requestSip(livekit, kind, (sip) => remove(sip, id));
  }
  return chosen.map(({ kind, id, name }) => ({ kind, id, name, action: 'removed', fields: [] }));
}

const INBOUND: Kind<SIPInboundTrunkInfo> = {
  kind: 'inbound trunk',
  id: ({ sipTrunkId }) => sipTrunkId,
  list: (sip) => sip.listSipInboundTrunk(),
  // With its guards at once: until it is replaced, it must let nobody in whom the file keeps out.
  create: (sip, { name, numbers, allowedAddresses, allowedNumbers, authUsername, authPassword }) =>
    sip.createSipInboundTrunk(name, numbers, {
      allowedAddresses,
      allowedNumbers,
      authUsername,
      authPassword,
    }),
  replace: (sip, id, wanted) => sip.updateSipInboundTrunk(id, wanted),
  remove: (sip, id) => sip.deleteSipTrunk(id),
  summary: ({ numbers, allowedAddresses, authUsername }) =>
    [
      `numbers ${list(numbers, 'any')}`,
      `from ${list(allowedAddresses, 'any address')}`,
      ...(authUsername === '' ? [] : [`as «${authUsername}»`]),
    ].join(', '),
};

const OUTBOUND: Kind<SIPOutboundTrunkInfo> = {
  kind: 'outbound trunk',
  id: ({ sipTrunkId }) => sipTrunkId,
  list: (sip) => sip.listSipOutboundTrunk(),
  create: (sip, { name, address, numbers, transport }) =>
    sip.createSipOutboundTrunk(name, address, numbers, { transport }),
  replace: (sip, id, wanted) => sip.updateSipOutboundTrunk(id, wanted),
  remove: (sip, id) => sip.deleteSipTrunk(id),
  summary: ({ address, numbers }) => `to ${address}, numbers ${list(numbers, 'none')}`,
};

const RULE: Kind<SIPDispatchRuleInfo> = {
  kind: 'dispatch rule',
  id: ({ sipDispatchRuleId }) => sipDispatchRuleId,
  list: (sip) => sip.listSipDispatchRule(),
  create: (sip, { name, trunkIds, rule, ...info }) =>
    sip.createSipDispatchRule(ruleOptions(rule), {
      name,
      trunkIds,
      ...(info.roomConfig !== undefined && { roomConfig: info.roomConfig }),
    }),
  replace: (sip, id, wanted) => sip.updateSipDispatchRule(id, wanted),
  remove: (sip, id) => sip.deleteSipDispatchRule(id),
  summary: ({ trunkIds, roomConfig, attributes }) =>
    [
      `trunks ${list(trunkIds, 'any')}`,
      `agent ${list(
        (roomConfig?.agents ?? []).map(({ agentName }) => agentName),
        'none',
      )}`,
      ...(attributes[PROFILE_ATTRIBUTE] === undefined ? [] : [`profile ${attributes[PROFILE_ATTRIBUTE]}`]),
    ].join(', '),
};

async function applyOne<T extends Info>(
  livekit: LiveKit,
  kind: Kind<T>,
  wanted: T,
  dryRun: boolean,
): Promise<SipChange> {
  const { name } = wanted;
  const change = (action: SipChange['action'], id: string | undefined, fields: readonly string[] = []) => ({
    kind: kind.kind,
    name,
    id,
    action,
    fields,
  });
  const ask = <R>(operation: (sip: SipClient) => Promise<R>) => requestSip(livekit, kind.kind, operation);
  const found = await ask(kind.list);
  const existing = found.filter((info) => info.name === name);
  if (existing.length > 1) {
    const ids = existing.map((info) => kind.id(info)).join(', ');
    throw refused(kind.kind, `it has several with the name «${name}» (${ids}); remove those too many`);
  }
  const [one] = existing;
  if (one !== undefined) {
    const id = kind.id(one);
    const fields = differences(one, wanted);
    if (fields.length === 0) return change('unchanged', id);
    if (!dryRun) await ask((sip) => kind.replace(sip, id, wanted));
    return change('updated', id, fields);
  }
  if (dryRun) return change('created', undefined);
  const made = await ask((sip) => kind.create(sip, wanted));
  const id = kind.id(made);
  if (differences(made, wanted).length > 0) await ask((sip) => kind.replace(sip, id, wanted));
  return change('created', id);
}

function completeRule(
  rule: SIPDispatchRuleInfo,
  { agentName, trunk }: { agentName: string; trunk: SipChange | undefined },
): SIPDispatchRuleInfo {
  const complete = rule.clone();
  // A trunk that is yet to be made has no id, and its name is shown in its place.
  const trunkId = trunk?.id ?? trunk?.name;
  if (trunk !== undefined && trunkId !== undefined) {
    complete.trunkIds =
      rule.trunkIds.length === 0
        ? [trunkId]
        : rule.trunkIds.map((given) => (given === trunk.name ? trunkId : given));
  }
  complete.roomConfig ??= new RoomConfiguration();
  if (complete.roomConfig.agents.length === 0) {
    complete.roomConfig.agents = [new RoomAgentDispatch({ agentName })];
  }
  // Nobody comes back to the room of a telephone call; 0 is livekit-server's own, 20 s.
  complete.roomConfig.departureTimeout ||= LEFT_SECONDS;
  return complete;
}

/** Top-level fields in which two differ, without those that the server gives. */
function differences<T extends Info>(has: T, wanted: T): string[] {
  const [before, after] = [comparable(has), comparable(wanted)];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

function comparable(info: Info): Record<string, unknown> {
  const json = info.toJson();
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return {};
  const {
    sipTrunkId: _trunk,
    sipDispatchRuleId: _rule,
    createdAt: _created,
    updatedAt: _updated,
    ...fields
  } = json;
  return fields;
}

async function entries<T extends Info>(livekit: LiveKit, kind: Kind<T>): Promise<SipEntry[]> {
  const found = await requestSip(livekit, kind.kind, kind.list);
  return found.map((info) => ({
    kind: kind.kind,
    id: kind.id(info),
    name: info.name,
    summary: kind.summary(info),
  }));
}

/** Asks for trunks or rules. @throws CharlaError `CHARLA_SIP_NOT_CONNECTED`, `CHARLA_SIP_REFUSED`, and as {@link LiveKit.request} */
export async function requestSip<T>(
  livekit: LiveKit,
  what: SipKind,
  operation: (sip: SipClient) => Promise<T>,
): Promise<T> {
  try {
    return await livekit.request(({ sip }) => operation(sip));
  } catch (error) {
    const cause = error instanceof CharlaError ? error.cause : error;
    if (!(cause instanceof ServerError)) throw error;
    if (/sip not connected/i.test(cause.message)) {
      const url = error instanceof CharlaError ? String(error.fields.url) : 'LIVEKIT_URL';
      throw new CharlaError('CHARLA_SIP_NOT_CONNECTED', { url }, { cause });
    }
    throw cause === error ? refused(what, cause.message, cause) : error;
  }
}

function refused(what: SipKind, reason: string, cause?: unknown): CharlaError {
  return new CharlaError('CHARLA_SIP_REFUSED', { what, reason }, { cause });
}

function ruleOptions(rule: SIPDispatchRuleInfo['rule']): SipDispatchRuleIndividual | SipDispatchRuleCallee {
  const wanted = rule?.rule;
  if (wanted?.case === 'dispatchRuleCallee') {
    const { roomPrefix, pin, randomize } = wanted.value;
    return { type: 'callee', roomPrefix, pin, randomize };
  }
  if (wanted?.case === 'dispatchRuleIndividual') {
    const { roomPrefix, pin } = wanted.value;
    return { type: 'individual', roomPrefix, pin };
  }
  throw new Error('a dispatch rule without a room for each call');
}

function list(values: readonly string[], none: string): string {
  return values.length === 0 ? none : values.join(' ');
}

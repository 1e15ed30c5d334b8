import { readFile } from 'node:fs/promises';
import { SIPDispatchRuleInfo, SIPInboundTrunkInfo, SIPOutboundTrunkInfo } from '@livekit/protocol';
import { z } from 'zod';
import { CharlaError, messageOf } from '../errors.ts';
import { parseJson } from '../parse-json.ts';

/** What the files of a SIP trunk say, as LiveKit's own messages. Undefined: there is no such file. */
export interface SipFiles {
  inboundTrunk?: SIPInboundTrunkInfo;
  outboundTrunk?: SIPOutboundTrunkInfo;
  dispatchRule?: SIPDispatchRuleInfo;
}

export interface SipFilePaths {
  inboundTrunk: string;
  outboundTrunk: string;
  dispatchRule: string;
}

/** Set by LiveKit: in a file they would be of another server. */
const OF_THE_SERVER = [
  'sipTrunkId',
  'sip_trunk_id',
  'sipDispatchRuleId',
  'sip_dispatch_rule_id',
  'createdAt',
  'created_at',
  'updatedAt',
  'updated_at',
];
const PLACEHOLDER = /\$\{([A-Z_][A-Z0-9_]*)\}/g;

const record = z.record(z.string(), z.json());
type Json = z.output<typeof record>[string];

interface Message<T> {
  fromJson(json: Json): T;
}

/**
 * Reads the files of a SIP trunk: LiveKit's protobuf-JSON, with names in snake or camel case, as LiveKit's own command
 * takes it: a trunk as `{"trunk": {…}}`, a rule with or without `{"dispatch_rule": {…}}` around it. `${NAME}` in a text is
 * the variable of that name, so that passwords stay out of the files.
 *
 * @param env - variables of the placeholders
 * @param options.required - those that have to be there; the others are left out where they are not
 * @throws CharlaError `CHARLA_SIP_FILE_INVALID`, with every problem of all files
 */
export async function readSipFiles(
  paths: SipFilePaths,
  env: Readonly<Record<string, string | undefined>>,
  { required = [] }: { required?: readonly (keyof SipFilePaths)[] } = {},
): Promise<SipFiles> {
  const problems: string[] = [];
  const read = async <T extends { name: string }>(
    which: keyof SipFilePaths,
    wrapper: string,
    message: Message<T>,
    check: (wanted: T, at: string) => readonly string[],
  ): Promise<T | undefined> => {
    const path = paths[which];
    const text = await textOf(path);
    if (text === undefined) {
      if (required.includes(which)) problems.push(`${path}: is not there`);
      return undefined;
    }
    const found = parseFile(text, { wrapper, message, check, env });
    if (Array.isArray(found)) {
      problems.push(...found.map((problem) => `${path} ${problem}`));
      return undefined;
    }
    return found;
  };
  const inboundTrunk = await read('inboundTrunk', 'trunk', SIPInboundTrunkInfo, inboundProblems);
  const outboundTrunk = await read('outboundTrunk', 'trunk', SIPOutboundTrunkInfo, outboundProblems);
  const dispatchRule = await read('dispatchRule', 'dispatch_rule', SIPDispatchRuleInfo, ruleProblems);
  if (problems.length > 0) {
    throw new CharlaError('CHARLA_SIP_FILE_INVALID', {
      problems: problems.map((problem) => `  - ${problem}`).join('\n'),
    });
  }
  return {
    ...(inboundTrunk !== undefined && { inboundTrunk }),
    ...(outboundTrunk !== undefined && { outboundTrunk }),
    ...(dispatchRule !== undefined && { dispatchRule }),
  };
}

/** @returns undefined where there is no file */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** @returns the message, or what is wrong, each a path into the file and a sentence */
function parseFile<T extends { name: string }>(
  text: string,
  {
    wrapper,
    message,
    check,
    env,
  }: {
    wrapper: string;
    message: Message<T>;
    check: (wanted: T, at: string) => readonly string[];
    env: Readonly<Record<string, string | undefined>>;
  },
): T | string[] {
  const whole = record.safeParse(parseJson(text)).data;
  if (whole === undefined) return ['/: is not a JSON object'];
  const key = [wrapper, camelCase(wrapper)].find((name) => name in whole);
  const body = key === undefined ? whole : record.safeParse(whole[key]).data;
  const at = key === undefined ? '' : `/${key}`;
  if (body === undefined) return [`${at}: is not a JSON object`];

  const foreign = OF_THE_SERVER.filter((name) => name in body).map(
    (name) => `${at}/${name}: is given by livekit-server; leave it out`,
  );
  const missing: string[] = [];
  const filled = fillPlaceholders(body, at, env, missing);
  if (foreign.length + missing.length > 0) return [...foreign, ...missing];
  try {
    const wanted = message.fromJson(filled);
    const wrong = check(wanted, at);
    if (wanted.name === '') {
      return [`${at}/name: is missing; by its name it is found again the next time`, ...wrong];
    }
    return wrong.length > 0 ? [...wrong] : wanted;
  } catch (error) {
    return [protobufProblem(error, at)];
  }
}

function inboundProblems(trunk: SIPInboundTrunkInfo, at: string): string[] {
  const problems: string[] = [];
  if ((trunk.authUsername === '') !== (trunk.authPassword === '')) {
    problems.push(`${at}/authUsername: a name needs authPassword, and a password authUsername`);
  }
  if (trunk.authPassword === '' && trunk.allowedAddresses.length === 0 && trunk.numbers.length === 0) {
    problems.push(
      `${at}: anybody could call; name numbers, allowedAddresses, or authUsername with authPassword`,
    );
  }
  return [...problems, ...krispProblems(trunk.krispEnabled, at)];
}

function outboundProblems(trunk: SIPOutboundTrunkInfo, at: string): string[] {
  const problems: string[] = [];
  if (trunk.address === '') problems.push(`${at}/address: is missing: the carrier's SIP host`);
  else if (/^sips?:|[@;]/.test(trunk.address)) {
    problems.push(`${at}/address: is a host, with or without a port, not a SIP address`);
  }
  if (trunk.numbers.length === 0) {
    problems.push(`${at}/numbers: is empty; calls go out with one of these numbers`);
  }
  return problems;
}

function ruleProblems(rule: SIPDispatchRuleInfo, at: string): string[] {
  const problems: string[] = [];
  switch (rule.rule?.rule.case) {
    case undefined:
      problems.push(
        `${at}/rule: is missing, for example {"dispatchRuleIndividual": {"roomPrefix": "call-"}}`,
      );
      break;
    case 'dispatchRuleDirect':
      problems.push(
        `${at}/rule/dispatchRuleDirect: puts every caller into one room; take dispatchRuleIndividual`,
      );
      break;
    case 'dispatchRuleCallee':
      if (!rule.rule.rule.value.randomize) {
        problems.push(
          `${at}/rule/dispatchRuleCallee/randomize: has to be true, or all who call a number share a room`,
        );
      }
      break;
    case 'dispatchRuleIndividual':
      break;
  }
  if (rule.hidePhoneNumber) {
    problems.push(`${at}/hidePhoneNumber: hides the caller's number from the agent too; leave it out`);
  }
  return [...problems, ...krispProblems(rule.krispEnabled, at)];
}

function krispProblems(enabled: boolean, at: string): string[] {
  return enabled ? [`${at}/krispEnabled: Krisp works on LiveKit Cloud only; leave it out`] : [];
}

function fillPlaceholders(
  value: Json,
  at: string,
  env: Readonly<Record<string, string | undefined>>,
  missing: string[],
): Json {
  if (typeof value === 'string') {
    return value.replace(PLACEHOLDER, (whole, name: string) => {
      const found = env[name];
      if (found !== undefined && found !== '') return found;
      missing.push(`${at}: there is no ${name} in .env or in the environment`);
      return whole;
    });
  }
  if (Array.isArray(value)) {
    return value.map((one, index) => fillPlaceholders(one, `${at}/${index}`, env, missing));
  }
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, fillPlaceholders(one, `${at}/${key}`, env, missing)]),
  );
}

/** Turns protobuf's sentence into ours; it quotes a wrong value, which may be a secret. */
function protobufProblem(error: unknown, at: string): string {
  const said = messageOf(error);
  const unknown = /cannot decode message livekit\.(\w+) from JSON: key "([^"]+)" is unknown/.exec(said);
  if (unknown !== null) return `${at}: LiveKit knows no «${unknown[2]}» in ${unknown[1]}`;
  const field = /cannot decode (?:(?:field|map (?:key|value) for field|enum) )?([\w.]+)/.exec(said);
  return field === null
    ? `${at}: is not what LiveKit takes here`
    : `${at}: a value is no ${(field[1] ?? '').replace(/^(livekit|google\.protobuf)\./, '')} of LiveKit's`;
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

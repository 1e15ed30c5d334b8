import { Command } from 'commander';
import pc from 'picocolors';
import { loadConfig, readEnvironment } from '../config/config.ts';
import { createLiveKit } from '../rooms/livekit.ts';
import { applySip, listSip, removeSip, type SipChange } from '../rooms/sip.ts';
import { readSipFiles, type SipFilePaths } from '../rooms/sip-files.ts';

/** Where `charla sip apply` and `charla dev --sip` look, from the current folder. */
export const SIP_FILES: SipFilePaths = {
  inboundTrunk: 'inbound-trunk.json',
  outboundTrunk: 'outbound-trunk.json',
  dispatchRule: 'dispatch-rule.json',
};

/** The files that have to be there: those that the command line names; the first two, where it names none. */
const OPTIONS = [
  ['inbound', 'inboundTrunk'],
  ['rule', 'dispatchRule'],
  ['outbound', 'outboundTrunk'],
] as const;

interface ApplyOptions {
  inbound: string;
  outbound: string;
  rule: string;
  dryRun: boolean;
}

/** `charla sip`: the SIP trunks and the dispatch rule of livekit-server. */
export function sipCommand(): Command {
  const sip = new Command('sip').description(
    'The SIP trunks of livekit-server, and the rule that brings their calls to the agent (docs/phone.md).',
  );
  sip
    .command('apply')
    .description(
      'Make the trunks and the rule as the files say. They are found again by their names; what is so already is left ' +
        'alone. A rule without agents gets AGENT_NAME, and one without trunk_ids the inbound trunk.',
    )
    .option('--inbound <file>', 'the trunk on which calls come', SIP_FILES.inboundTrunk)
    .option(
      '--outbound <file>',
      'the trunk through which calls are placed; optional',
      SIP_FILES.outboundTrunk,
    )
    .option('--rule <file>', 'what happens to a call', SIP_FILES.dispatchRule)
    .option('--dry-run', 'only say what would change', false)
    .addHelpText(
      'after',
      '\nIn the files, a dollar sign and {NAME} stand for that variable of .env or the environment, so that no password is in them.',
    )
    .action(async ({ inbound, outbound, rule, dryRun }: ApplyOptions, command: Command) => {
      const config = loadConfig();
      const paths = { inboundTrunk: inbound, outboundTrunk: outbound, dispatchRule: rule };
      const named = OPTIONS.filter(([option]) => command.getOptionValueSource(option) === 'cli');
      const required = (named.length > 0 ? named : OPTIONS.slice(0, 2)).map(([, file]) => file);
      const files = await readSipFiles(paths, readEnvironment(), { required });
      const changes = await applySip(createLiveKit(config), files, { agentName: config.AGENT_NAME, dryRun });
      for (const line of changeLines(changes, dryRun)) console.log(line);
    });
  sip
    .command('list')
    .description('Every trunk and rule that livekit-server has.')
    .action(async () => {
      const entries = await listSip(createLiveKit(loadConfig()));
      if (entries.length === 0) console.log('no trunks and no dispatch rules');
      for (const { kind, id, name, summary } of entries) {
        console.log(`${kind} ${pc.bold(`«${name}»`)} ${pc.dim(id)}: ${summary}`);
      }
    });
  sip
    .command('rm')
    .argument('<names...>', 'names or ids, as «charla sip list» shows them')
    .description('Remove trunks and rules; calls that run go on.')
    .action(async (names: string[]) => {
      const changes = await removeSip(createLiveKit(loadConfig()), names);
      for (const line of changeLines(changes, false)) console.log(line);
    });
  return sip;
}

/** What `charla sip apply` did, a line each; «nothing to change» when it was nothing. */
export function changeLines(changes: readonly SipChange[], dryRun: boolean): string[] {
  const lines = changes
    .filter(({ action }) => action !== 'unchanged')
    .map(({ kind, name, id, action, fields }) => {
      const done = dryRun ? `would be ${action}` : action;
      const what = fields.length > 0 ? `: ${fields.join(', ')}` : '';
      return `${kind} ${pc.bold(`«${name}»`)}${id === undefined ? '' : ` ${pc.dim(id)}`} ${done}${what}`;
    });
  return lines.length > 0 ? lines : ['nothing to change'];
}

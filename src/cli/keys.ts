import { Command, InvalidArgumentError } from 'commander';
import { createApiKey, keyNameProblem, SCOPES, type Scope } from '../config/api-keys.ts';
import { commaList } from '../config/comma-list.ts';

/** `charla keys`: keys with which servers call the HTTP API. */
export function keysCommand(): Command {
  const keys = new Command('keys').description('Make keys with which servers call the HTTP API.');
  keys
    .command('create')
    .argument('<name>', 'what log lines call it: letters, digits, «.», «_» and «-»', toName)
    .requiredOption(
      '--scope <scopes>',
      `what it opens, with commas between them: ${SCOPES.join(', ')}`,
      toScopes,
    )
    .description('Make a key. It is shown once; API_KEYS holds its hash alone.')
    .addHelpText(
      'after',
      '\nsessions: start them, sign tokens, read and change data tools; history: read sessions and calls;\n' +
        'metrics: scrape them; admin: everything. docs/security.md shows each route.',
    )
    .action((name: string, { scope }: { scope: Scope[] }) => {
      const { key, entry } = createApiKey(name, scope);
      console.log(`The key, for the server that is to call; it is shown this once:\n\n  ${key}\n`);
      console.log(
        `For .env of «charla serve», behind a comma where API_KEYS has others:\n\n  API_KEYS=${entry}`,
      );
    });
  return keys;
}

function toName(text: string): string {
  const problem = keyNameProblem(text);
  if (problem !== undefined) throw new InvalidArgumentError(`It ${problem}.`);
  return text;
}

function toScopes(text: string): Scope[] {
  const scopes = commaList(text);
  const wrong = scopes.find((scope) => !(SCOPES as readonly string[]).includes(scope));
  if (wrong !== undefined || scopes.length === 0) {
    throw new InvalidArgumentError(`Scopes are ${SCOPES.join(', ')}.`);
  }
  return scopes as Scope[];
}

import { PRIVATE_KEY } from '../config/private-key.ts';
import { CharlaError } from '../errors.ts';
import type { DataTools } from './data-tools.ts';
import { checkDataTools } from './data-tools-schema.ts';
import type { ProfileStore } from './profile-store.ts';

/** For what a person's client sends: they may send a lot, and the server does nothing else meanwhile. ms */
const PERSON_LIMIT_MS = 50;

/** Checks data tools as the profile of their session wants them; nothing is wrong where it wants nothing. */
export type ProfileCheck = (dataTools: DataTools, at?: string) => void;

/**
 * The check for the sessions of a profile.
 *
 * @param options.forPerson - it was sent by the person in the call, who may not hear of what is private, nor have the
 *   server at work for long
 * @returns a function that throws what {@link checkDataTools} throws
 */
export async function profileCheck(
  profiles: Pick<ProfileStore, 'getCached'>,
  name: string,
  { forPerson = false }: { forPerson?: boolean } = {},
): Promise<ProfileCheck> {
  const schema = (await profiles.getCached(name))?.settings.data_tools_schema;
  return (dataTools, at) => {
    if (schema === undefined) return;
    try {
      checkDataTools(schema, dataTools, at, forPerson ? PERSON_LIMIT_MS : undefined);
    } catch (error) {
      throw forPerson && error instanceof CharlaError && isAboutPrivate(error) ? privateInvalid() : error;
    }
  };
}

function isAboutPrivate({ problems = [] }: CharlaError): boolean {
  return problems.some(({ path }) => `${path}/`.startsWith(`/${PRIVATE_KEY}/`));
}

function privateInvalid(): CharlaError {
  const reason = 'what only servers may set does not keep to the schema of the profile';
  return new CharlaError('CHARLA_DATA_TOOLS_INVALID', { path: '/', reason });
}

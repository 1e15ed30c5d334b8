import type { DataTools } from './data-tools.ts';
import { checkDataTools } from './data-tools-schema.ts';
import type { ProfileStore } from './profile-store.ts';

/** Checks data tools as the profile of their session wants them; nothing is wrong where it wants nothing. */
export type ProfileCheck = (dataTools: DataTools, at?: string) => void;

/**
 * The check for the sessions of a profile.
 *
 * @returns a function that throws what {@link checkDataTools} throws
 */
export async function profileCheck(
  profiles: Pick<ProfileStore, 'getCached'>,
  name: string,
): Promise<ProfileCheck> {
  const schema = (await profiles.getCached(name))?.settings.data_tools_schema;
  return (dataTools, at) => {
    if (schema !== undefined) checkDataTools(schema, dataTools, at);
  };
}

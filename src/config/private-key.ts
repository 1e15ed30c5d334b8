/** What stands under this key of data tools is for servers and agents only: no person's client sees or sets it. */
export const PRIVATE_KEY = 'private';

/** Data tools as the person in the call may see them. */
export function withoutPrivate<Value>(dataTools: Readonly<Record<string, Value>>): Record<string, Value> {
  const { [PRIVATE_KEY]: _hidden, ...shown } = dataTools;
  return shown;
}

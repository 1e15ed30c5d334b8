/** What a function made once of the same words it does not make again. For few words: nothing is forgotten. */
export function remembered<A extends readonly string[], T>(make: (...args: A) => T): (...args: A) => T {
  const made = new Map<string, T>();
  return (...args) => {
    const key = args.join('|');
    const known = made.get(key) ?? make(...args);
    made.set(key, known);
    return known;
  };
}

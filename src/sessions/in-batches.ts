/**
 * Gathers what is asked for at the same time into one run (group commit): what comes while a batch runs is the next one.
 * A batch begins at the end of the turn of the event loop in which its first item came.
 *
 * @param run - does all items of a batch; gives as many results, or promises of them, in their order. When it throws, all
 *   of them fail
 * @param maxItems - of one batch
 */
export function inBatches<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly (Result | Promise<Result>)[]>,
  maxItems: number,
): (item: Item) => Promise<Result> {
  interface Waiting {
    item: Item;
    resolve: (result: Result) => void;
    reject: (error: unknown) => void;
  }
  const waiting: Waiting[] = [];
  let busy = false;

  const next = () => {
    busy = waiting.length > 0;
    if (busy) setImmediate(() => void runBatch(waiting.splice(0, maxItems)).then(next));
  };
  const runBatch = async (batch: readonly Waiting[]) => {
    try {
      const results = await run(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!busy) next();
    });
}

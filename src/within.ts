export const TOO_LATE = Symbol('too late');

/** Waits for a promise, but no longer than `ms`; it goes on all the same. @throws what the promise throws in time */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | typeof TOO_LATE> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<typeof TOO_LATE>((resolve) => {
    timer = setTimeout(resolve, ms, TOO_LATE);
  });
  return Promise.race([promise, tooLate]).finally(() => clearTimeout(timer));
}

/**
 * From now on `Date.now()` of this process only goes forward, at the pace of real time, wherever the machine's clock is
 * set to. The framework waits by differences of `Date.now()` and sorts the conversation by it: a clock that is set back
 * by an hour would hold a turn for an hour, and put a new question before the last answer. A job process lives as long as
 * its call, so that it can do without the right hour; `new Date()` still tells it.
 *
 * @returns puts the machine's clock back in its place
 */
export function useSteadyClock(): () => void {
  const machine = Date.now;
  const offset = machine() - performance.now();
  Date.now = () => Math.round(offset + performance.now());
  return () => {
    Date.now = machine;
  };
}

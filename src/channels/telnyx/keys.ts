/**
 * The keys that a caller presses come twice, over the stream and by webhooks, in the same order: whoever is first with the
 * n-th key brings it.
 *
 * @param press - gets each key once
 */
export function createKeys(press: (digit: string) => void) {
  const counts = { stream: 0, webhook: 0 };
  let pressed = 0;
  return (from: keyof typeof counts, digit: string): void => {
    counts[from] += 1;
    if (counts[from] <= pressed) return;
    pressed += 1;
    press(digit);
  };
}

import { type RefObject, useEffect, useRef } from 'react';

/** How far from its end a list may be and still count as being there, in px. */
const CLOSE_PX = 80;

/**
 * Keeps a scrolling list at its end as `content` grows, unless the person has scrolled up to read.
 *
 * @returns the ref of the element that scrolls
 */
export function useStickToBottom<T extends HTMLElement>(content: unknown): RefObject<T | null> {
  const ref = useRef<T>(null);
  const sticks = useRef(true);
  useEffect(() => {
    const list = ref.current;
    if (!list) return;
    const onScroll = () => {
      sticks.current = list.scrollHeight - list.scrollTop - list.clientHeight < CLOSE_PX;
    };
    list.addEventListener('scroll', onScroll, { passive: true });
    return () => list.removeEventListener('scroll', onScroll);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: growth of the content is what moves the list
  useEffect(() => {
    const list = ref.current;
    if (list && sticks.current) list.scrollTop = list.scrollHeight;
  }, [content]);
  return ref;
}

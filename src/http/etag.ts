import type { SessionRole } from './access.ts';

/** Data tools have a revision; persons see them without what is private, which is another representation. */
const SUFFIX = { server: '', participant: '-public' } as const satisfies Record<SessionRole, string>;
/** An entity tag of RFC 9110, section 8.8.3. */
const ENTITY_TAG = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g;

/** The strong entity tag of data tools as somebody sees them. */
export function dataToolsEtag(revision: number, role: SessionRole): string {
  return `"${revision}${SUFFIX[role]}"`;
}

/**
 * The revisions that a change was made for, out of `If-Match` (RFC 9110, section 13.1.1); undefined: any. Weak tags, and
 * those of nobody's, are of no revision.
 */
export function expectedRevisions(ifMatch: string | undefined, role: SessionRole): number[] | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  return tagsOf(ifMatch).flatMap(({ tag, weak }) => {
    const revision = Number.parseInt(tag, 10);
    return !weak && `"${tag}"` === dataToolsEtag(revision, role) ? [revision] : [];
  });
}

/** Whether `If-None-Match` (RFC 9110, section 13.1.2) names what is there; weak tags count too. */
export function isNamedBy(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.trim() === '*' || tagsOf(ifNoneMatch).some(({ tag }) => `"${tag}"` === etag);
}

function tagsOf(header: string): { tag: string; weak: boolean }[] {
  return [...header.matchAll(ENTITY_TAG)].map(([, weak, tag = '']) => ({ tag, weak: weak !== undefined }));
}

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
 * The revisions that a change was made for, out of `If-Match`; undefined: any. Weak tags, and those of nobody's, are of no
 * revision.
 */
export function expectedRevisions(ifMatch: string | undefined, role: SessionRole): number[] | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  return strongTagsOf(ifMatch).flatMap((etag) => {
    const revision = Number.parseInt(etag.slice(1), 10);
    return etag === dataToolsEtag(revision, role) ? [revision] : [];
  });
}

/**
 * Whether `If-Match` (RFC 9110, section 13.1.1) allows a change of what is there; without one any is allowed. Weak tags
 * match nothing.
 *
 * @param etag - undefined: there is nothing
 */
export function allowsChange(ifMatch: string | undefined, etag: string | undefined): boolean {
  if (ifMatch === undefined) return true;
  return etag !== undefined && (ifMatch.trim() === '*' || strongTagsOf(ifMatch).includes(etag));
}

/** Whether `If-None-Match` (RFC 9110, section 13.1.2) names what is there; weak tags count too. */
export function isNamedBy(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.trim() === '*' || tagsOf(ifNoneMatch).some(({ tag }) => `"${tag}"` === etag);
}

function strongTagsOf(header: string): string[] {
  return tagsOf(header).flatMap(({ tag, weak }) => (weak ? [] : [`"${tag}"`]));
}

function tagsOf(header: string): { tag: string; weak: boolean }[] {
  return [...header.matchAll(ENTITY_TAG)].map(([, weak, tag = '']) => ({ tag, weak: weak !== undefined }));
}

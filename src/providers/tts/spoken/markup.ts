/** Emoji with their modifiers and joiners, flags and keycaps' frames; not the digits that Unicode counts among them. */
const EMOJI =
  /(?:\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier}|[\u{fe0e}\u{fe0f}\u{20e3}\u{e0020}-\u{e007f}])+/gu;
/** Control and format characters, private ones and halves of pairs; line ends stay. */
const UNSEEN = /(?![\n\r\t])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\ufffd]/gu;
const EMOTICON = /(?<!\S)[:;=]-?[()DPp](?!\S)/gu;
/** Signs that Unicode counts among the emoji, and people say. */
const SAID = /[©®™↔→←]/gu;

/**
 * Takes out what a page shows and a voice does not say: Markdown, HTML tags, emoji, characters that are not seen. A clause
 * may hold one half of a pair, so marks go wherever they stand.
 */
export function withoutMarkup(text: string): string {
  return text
    .normalize('NFC')
    .replace(SAID, ' ')
    .replace(EMOJI, ' ')
    .replace(EMOTICON, '')
    .replace(UNSEEN, '')
    .replace(/```+[a-z]*/gi, ' ')
    .replace(/<\/?(?:br|b|i|u|em|strong|p|ul|ol|li|code|span|div|a)(?:\s[^<>]*)?\/?>/gi, ' ')
    .replace(/!?\[([^[\]]*)\]\([^()\s]*\)/g, '$1')
    .replace(/^[ \t]*#{1,6}[ \t]+/gm, '')
    .replace(/^[ \t]*>[ \t]+/gm, '')
    .replace(/^[ \t]*[-*+•·▪◦‣–—][ \t]+/gm, '')
    .replace(/^[ \t]*[-*_=]{3,}[ \t]*$/gm, '')
    .replace(/\*+|`+|~~+|__+|[•▪◦‣]/g, (marks, at: number, whole: string) =>
      isSaid(marks, whole.slice(0, at), whole.slice(at + marks.length)) ? marks : '',
    )
    .replace(/(?<![\p{L}\p{N}])_(?=\p{L})|(?<=[\p{L}\p{N}.,;:!?])_(?![\p{L}\p{N}])/gu, '');
}

/** «2*3» is a product, and «pulsa * para salir» a key; `symbols.ts` says them. */
function isSaid(marks: string, before: string, after: string): boolean {
  const isProduct = /\d\s?$/.test(before) && /^\s?\d/.test(after);
  return marks === '*' && (isProduct || (/\S\s$/.test(before) && /^\s/.test(after)));
}
